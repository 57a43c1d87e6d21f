#!/bin/sh
# cenote: SPDX-License-Identifier: MIT
#
# packages.sh FOLDER: writes FOLDER/packages.sql, the machine's own package database as SQL: every installed package,
# what it depends on and its files, each row an INSERT as a dump holds it, and then questions about them.
# To record sqlite3 at work on it:
#     cenote record -o packages.trace -- sqlite3 -batch FOLDER/packages.db '.read FOLDER/packages.sql'
# Needs awk and a Debian or Ubuntu machine; at most 40,000 files are taken (FILES=… changes that).
set -eu

if [ $# -ne 1 ]; then
    echo "usage: packages.sh FOLDER" >&2
    exit 2
fi
folder=$1
status=/var/lib/dpkg/status
if [ ! -r "$status" ]; then
    echo "packages.sh: $status is missing: this needs a Debian or Ubuntu machine" >&2
    exit 1
fi
mkdir -p "$folder"
rm -f "$folder/packages.db"
sql=$folder/packages.sql

cat >"$sql" <<'SQL'
.bail on
.once /dev/null
PRAGMA journal_mode = MEMORY;
CREATE TABLE package(name TEXT PRIMARY KEY, version TEXT, section TEXT, size INTEGER, maintainer TEXT, description TEXT);
CREATE TABLE needs(package TEXT, other TEXT);
CREATE TABLE file(package TEXT, path TEXT);
BEGIN;
SQL

awk -v quote="'" '
    function text(s) { gsub(quote, quote quote, s); return quote s quote }
    function flush(  i, n, parts, other) {
        if (name == "") return
        printf "INSERT OR REPLACE INTO package VALUES(%s,%s,%s,%d,%s,%s);\n",
            text(name), text(version), text(section), size, text(maintainer), text(description)
        n = split(depends, parts, /[,|]/)
        for (i = 1; i <= n; i++) {
            other = parts[i]
            sub(/^ */, "", other)
            sub(/[ (:].*/, "", other)
            if (other != "") printf "INSERT INTO needs VALUES(%s,%s);\n", text(name), text(other)
        }
        name = version = section = maintainer = description = depends = ""
        size = 0
    }
    /^$/ { flush(); next }
    /^ / { if (within) description = description "\n" substr($0, 2); next }
    { within = 0; value = substr($0, index($0, ":") + 2) }
    /^Package:/ { name = value }
    /^Version:/ { version = value }
    /^Section:/ { section = value }
    /^Installed-Size:/ { size = value }
    /^Maintainer:/ { maintainer = value }
    /^(Pre-)?Depends:/ { depends = depends "," value }
    /^Description:/ { description = value; within = 1 }
    END { flush() }
' "$status" >>"$sql"

for list in /var/lib/dpkg/info/*.list; do
    package=${list##*/}
    package=${package%.list}
    echo "$package"
    cat "$list"
done | awk -v quote="'" -v most="${FILES:-40000}" '
    function text(s) { gsub(quote, quote quote, s); return quote s quote }
    !/^\// { package = $0; sub(/:.*/, "", package); next }
    /^\/\.$/ { next }
    { printf "INSERT INTO file VALUES(%s,%s);\n", text(package), text($0); if (++n >= most) exit }
' >>"$sql"

cat >>"$sql" <<'SQL'
COMMIT;
CREATE INDEX needs_package ON needs(package);
CREATE INDEX needs_other ON needs(other);
CREATE INDEX file_package ON file(package);
ANALYZE;
.output /dev/null
SQL

# What a program that shows packages would ask, package by package.
awk -v quote="'" '/^Package:/ {
    name = quote $2 quote
    printf "SELECT version, section, size, substr(description, 1, 200) FROM package WHERE name = %s;\n", name
    printf "SELECT other, version FROM needs LEFT JOIN package ON name = other WHERE package = %s ORDER BY other;\n", name
    printf "SELECT count(*), max(length(path)), min(path) FROM file WHERE package = %s;\n", name
    printf "SELECT group_concat(package, %s) FROM needs WHERE other = %s;\n", quote ", " quote, name
}' "$status" >>"$sql"

cat >>"$sql" <<'SQL'
.output

.print
.print What is here
SELECT (SELECT count(*) FROM package) AS packages, (SELECT count(*) FROM needs) AS needs, (SELECT count(*) FROM file) AS files;

.print
.print The largest sections
SELECT coalesce(nullif(section, ''), 'none') AS section, count(*), (sum(size) / 1024) || ' MiB'
FROM package GROUP BY 1 ORDER BY sum(size) DESC LIMIT 8;

.print
.print What most packages lean on, and the first few that do
SELECT other, count(*), substr(group_concat(package, ' '), 1, 60) FROM needs GROUP BY other ORDER BY 2 DESC LIMIT 8;

.print
.print Everything the package with the most needs stands on
WITH RECURSIVE
    start(name) AS (SELECT package FROM needs GROUP BY package ORDER BY count(*) DESC LIMIT 1),
    below(name) AS (SELECT name FROM start UNION SELECT other FROM needs JOIN below ON package = below.name)
SELECT (SELECT name FROM start), count(*), (sum(size) / 1024) || ' MiB' FROM below JOIN package USING (name);

.print
.print The longest ways from a package down
WITH RECURSIVE way(name, depth, path) AS (
    SELECT name, 0, name FROM package WHERE name NOT IN (SELECT other FROM needs)
    UNION ALL
    SELECT other, depth + 1, path || ' > ' || other FROM way JOIN needs ON package = way.name
    WHERE depth < 4 AND instr(path, other) = 0 LIMIT 20000)
SELECT depth, substr(path, 1, 100) FROM way ORDER BY depth DESC, length(path) DESC LIMIT 5;

.print
.print Names of files that several packages share
SELECT base, count(DISTINCT package) AS packages FROM (
    SELECT package, replace(path, rtrim(path, replace(path, '/', '')), '') AS base FROM file)
GROUP BY base HAVING packages > 3 ORDER BY packages DESC, base LIMIT 8;

.print
.print Packages whose text speaks of memory
SELECT name, version, substr(description, 1, instr(description || char(10), char(10)) - 1) FROM package
WHERE lower(description) LIKE '%memory%' ORDER BY length(description) DESC LIMIT 8;

.print
.print Who maintains the most
SELECT lower(trim(substr(maintainer, 1, instr(maintainer || '<', '<') - 1))) AS who, count(*), group_concat(DISTINCT section)
FROM package GROUP BY who ORDER BY 2 DESC, who LIMIT 5;

UPDATE package SET description = description || ' (' || (SELECT count(*) FROM file WHERE package = name) || ' files)';
DELETE FROM file WHERE package IN (SELECT name FROM package WHERE section = 'doc');
VACUUM;
SQL
echo "$sql"
