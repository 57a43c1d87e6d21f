// cenote: SPDX-License-Identifier: MIT
#include "replay/results.hpp"

#include "text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace cenote::tool {
namespace {

constexpr const char* none = "–";

double least(const std::vector<double>& values) {
    return values.empty() ? 0 : *std::min_element(values.begin(), values.end());
}

std::string duration(const std::optional<double>& ns) {
    if (!ns) return none;
    if (*ns < 9999.5) return fmt::format("{:.0f} ns", *ns);
    if (*ns < 9999.5e3) return fmt::format("{:.1f} µs", *ns / 1e3);
    return fmt::format("{:.1f} ms", *ns / 1e6);
}

std::string amount(const std::optional<std::uint64_t>& bytes) {
    return bytes ? byte_count(*bytes) : none;
}

std::string ratio(std::optional<double> value) {
    return value ? fmt::format("{:.2f}", *value) : none;
}

struct column {
    const char* heading;
    std::size_t width;
};

struct column_group {
    const char* title;
    std::vector<column> columns;
};

const std::vector<column_group>& columns_of(const results& all) {
    static const std::vector<column_group> one{
        {"ns an operation", {{"best", 8}, {"median", 8}, {"net", 8}, {"again", 8}}},
        {"one operation", {{"99.9 %", 12}, {"worst", 11}}},
        {"most memory", {{"reserved", 13}, {"resident", 12}}},
        {"× malloc", {{"time", 9}, {"memory", 9}}},
    };
    static const std::vector<column_group> threads{
        {"ns an operation", {{"best", 8}, {"net", 8}}},
        {"all workers", {{"wall", 10}, {"waiting", 10}, {"share", 7}}},
        {"one operation", {{"99.9 %", 10}, {"worst", 10}}},
        {"most memory", {{"reserved", 11}, {"resident", 11}}},
        {"× malloc", {{"time", 7}, {"wall", 6}, {"memory", 8}}},
    };
    return all.threads ? threads : one;
}

std::size_t name_width(const results& all) {
    std::size_t width = 20;
    for (const result& r : all.rows) width = std::max(width, r.who.name.size());
    return width + 1;
}

// fmt counts "µ" and "–" as the one column they take; a byte-wise printf would not.
std::string row(const results& all, const std::string& name, const std::vector<std::string>& cells) {
    std::string line = fmt::format("{:<{}}", name, name_width(all));
    std::size_t i = 0;
    for (const column_group& g : columns_of(all))
        for (const column& c : g.columns)
            if (i < cells.size()) line += fmt::format("{:>{}}", cells[i++], c.width);
    return line + "\n";
}

// Titles stand over the right end of their columns, where the numbers are.
std::string heading(const results& all) {
    std::string titles(name_width(all), ' ');
    std::vector<std::string> headings;
    for (const column_group& g : columns_of(all)) {
        std::size_t width = 0;
        for (const column& c : g.columns) {
            width += c.width;
            headings.emplace_back(c.heading);
        }
        titles += fmt::format("  {:^{}}", g.title, width - 2);
    }
    return titles + "\n" + row(all, "", headings);
}

std::optional<double> memory_ratio(const results& all, const result& r) {
    const auto& base = all.malloc().resident_bytes;
    if (!r.resident_bytes || !base || *base == 0) return std::nullopt;
    return static_cast<double>(*r.resident_bytes) / static_cast<double>(*base);
}

std::optional<double> time_ratio(const results& all, const result& r) {
    if (!r.usable() || !all.malloc().usable()) return std::nullopt;
    return all.net(r) / all.net(all.malloc());
}

std::optional<double> wall_ratio(const results& all, const result& r) {
    if (!r.usable() || !all.malloc().usable() || all.malloc().best_wall() <= 0) return std::nullopt;
    return r.best_wall() / all.malloc().best_wall();
}

std::string long_duration(double ns) {
    if (ns < 9.995e6) return fmt::format("{:.2f} ms", ns / 1e6);
    if (ns < 9999.5e6) return fmt::format("{:.1f} ms", ns / 1e6);
    return fmt::format("{:.1f} s", ns / 1e9);
}

std::string numbers_row(const results& all, const result& r) {
    const bool is_no_op = &r == &all.no_op();
    const auto ns = [](double value) { return fmt::format("{:.1f}", value); };
    const auto unless_no_op = [&](const std::string& cell) { return is_no_op ? std::string(none) : cell; };
    std::vector<std::string> cells{ns(r.best())};
    if (!all.threads) cells.push_back(ns(r.median()));
    cells.push_back(unless_no_op(ns(all.net(r))));
    if (all.threads) {
        cells.push_back(long_duration(r.best_wall()));
        cells.push_back(long_duration(median_of(r.waiting_ns)));
        cells.push_back(fmt::format("{:.0f} %", 100 * median_of(r.waiting_share)));
    } else {
        cells.push_back(ns(r.best_again()));
    }
    for (const std::string& cell :
         {duration(r.latency_999_ns), duration(r.latency_worst_ns), amount(r.reserved_bytes),
          unless_no_op(amount(r.resident_bytes)), unless_no_op(ratio(time_ratio(all, r)))})
        cells.push_back(cell);
    if (all.threads) cells.push_back(unless_no_op(ratio(wall_ratio(all, r))));
    cells.push_back(unless_no_op(ratio(memory_ratio(all, r))));
    return row(all, r.who.name, cells);
}

std::string what_is_timed(const results& all) {
    if (!all.threads)
        return fmt::format(
            "best, median: processor time of the whole recording in a fresh process, over {} "
            "rounds; net: best without the\n"
            "no-op's, which is the replay's own cost; again: best of a second pass in the same "
            "process. ",
            all.rounds);
    return fmt::format(
        "best: processor time of all workers without what waiting took, in a fresh process, the "
        "least of {} rounds; net: without\n"
        "the no-op's, which is the replay's own cost, threads included. wall: from the first "
        "operation to the last, the least. waiting:\n"
        "for another worker's operation or end, summed over all workers, and its share of the "
        "time they lived; medians. ",
        all.rounds);
}

std::string about_threads(const plan& p, const results& all) {
    if (all.threads)
        return "Every operation is done by the thread that did it when it was recorded. cenote::multi_pool "
               "and "
               "std::pmr's unsynchronized\n"
               "pool are for one thread and take no part; --threads one replays the recording on them.\n";
    if (p.process.counts.threads < 2) return "";
    return fmt::format("The recording has {} threads; one thread replays them all in the recorded order.\n",
                       grouped(p.process.counts.threads));
}

std::string notes(const plan& p, const results& all) {
    std::string out = what_is_timed(all);
    out +=
        fmt::format("Single operations:\n"
                    "each one's least time in as many rounds, the clock's own {:.0f} ns included. × malloc "
                    "compares net times, and what\n"
                    "the processes hold in RAM (resident) beyond one that allocates nothing.\n",
                    all.clock_ns);
    out += about_threads(p, all);
    for (const result& r : all.rows)
        if (r.usable() && r.refused > 0)
            out += fmt::format("{} refused {}; its numbers lack them.\n", r.who.name,
                               counted(r.refused, "allocation", "allocations"));
    if (all.absent.empty()) return out;
    out += "Not installed here:";
    for (const absent_allocator& a : all.absent)
        out += fmt::format("{} {} (apt-get install {})", &a == &all.absent.front() ? "" : ",", a.name,
                           a.package);
    return out + "\n";
}

const result* find(const results& all, std::string_view word) {
    for (const result& r : all.rows)
        if (r.who.word == word && r.usable()) return &r;
    return nullptr;
}

// "a, b and c"
std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i)
        out += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return out;
}

template<class Value>
std::vector<std::string> better_than(const results& all, const result& ours, Value value) {
    std::vector<std::string> out;
    const std::optional<double> bar = value(ours);
    for (const result& r : all.rows) {
        if (!r.usable() || &r == &all.no_op() || &r == &all.malloc() ||
            r.who.word.rfind(contender_words::cenote, 0) == 0)
            continue;
        const std::optional<double> theirs = value(r);
        // What the table shows as equal is not called better.
        if (bar && theirs && ratio(theirs) != ratio(bar) && *theirs < *bar)
            out.push_back(fmt::format("{} ({} ×)", r.who.name, ratio(theirs)));
    }
    return out;
}

} // namespace

double result::best() const {
    return least(first_ns);
}

double result::best_again() const {
    return least(again_ns);
}

double result::best_wall() const {
    return least(wall_ns);
}

double result::median() const {
    return median_of(first_ns);
}

double median_of(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double results::net(const result& r) const {
    return std::max(0.01, r.best() - (no_op().usable() ? no_op().best() : 0));
}

std::string describe_plan(const plan& p, const std::optional<thread_facts>& threads) {
    const trace::totals& c = p.process.counts;
    std::string out =
        fmt::format("{} (process {}): {} operations ({} allocations, {} reallocations, {} frees), {} live at "
                    "most, in {} blocks\n",
                    printable(base_name(p.process.program)), p.process.pid, grouped(p.count),
                    grouped(c.allocations), grouped(c.reallocations), grouped(c.deallocations),
                    byte_count(c.peak_live_bytes), grouped(c.peak_live_blocks));
    if (threads)
        out += fmt::format("{}, {} at a time; {} ({:.1f} %) on blocks that another thread allocated\n",
                           counted(threads->threads, "thread", "threads"), grouped(threads->most_alive),
                           counted(threads->crossing, "operation", "operations"),
                           100.0 * static_cast<double>(threads->crossing) /
                               static_cast<double>(std::max<std::uint64_t>(1, p.count)));
    if (p.processes > 1)
        out += fmt::format("The recording holds {} processes; --process chooses another than this one.\n",
                           grouped(p.processes));
    if (p.truncated) out += "The recording breaks off: it was not written to its end, or cut short since.\n";
    if (p.process.lost_events > 0)
        out += fmt::format("The recording is incomplete: {} could not be written when it was made.\n",
                           counted(p.process.lost_events, "event", "events"));
    if (p.count < p.recorded_ops)
        out += fmt::format(
            "Only the first {:.0f} % of this process's {} operations are replayed, to take about a minute; "
            "--whole replays all that fit.\n",
            100.0 * static_cast<double>(p.count) / static_cast<double>(p.recorded_ops),
            grouped(p.recorded_ops));
    return out;
}

std::string make_table(const plan& p, const results& all) {
    std::string out = heading(all);
    for (const result& r : all.rows) {
        if (r.usable())
            out += numbers_row(all, r);
        else
            out += fmt::format("{:<{}}  {}\n", r.who.name, name_width(all),
                               r.problem.empty() ? "has no numbers" : r.problem);
    }
    std::vector<std::string> live(all.threads ? 8 : 7);
    live.push_back(byte_count(p.process.counts.peak_live_bytes));
    out += row(all, "live data alone", live);
    return out + "\n" + notes(p, all);
}

std::string make_sentence(const results& all) {
    const result* ours = find(all, all.ours);
    if (ours == nullptr || !all.malloc().usable())
        return "No comparison with malloc can be made: one of the two has no numbers.\n";
    const auto time = [&](const result& r) { return time_ratio(all, r); };
    const auto memory = [&](const result& r) { return memory_ratio(all, r); };
    std::string out = fmt::format("On this recording {} took {} × malloc's {}time", ours->who.name,
                                  ratio(time(*ours)), all.threads ? "processor " : "");
    if (all.threads) out += fmt::format(", {} × its wall time", ratio(wall_ratio(all, *ours)));
    if (memory(*ours)) out += fmt::format(" and {} × its resident memory", ratio(memory(*ours)));
    const auto faster = better_than(all, *ours, time);
    const auto smaller = better_than(all, *ours, memory);
    out += faster.empty() ? "; no other was faster" : fmt::format("; faster: {}", joined(faster));
    if (memory(*ours))
        out += smaller.empty() ? "; no other needed less memory"
                               : fmt::format("; with less memory: {}", joined(smaller));
    const auto& worst = ours->latency_worst_ns;
    const auto& base = all.malloc().latency_worst_ns;
    if (worst && base && *worst > *base)
        out += fmt::format("; its slowest single operation took {}, malloc's {}", duration(worst),
                           duration(base));
    if (ours->refused > 0)
        out += fmt::format("; it refused {}", counted(ours->refused, "allocation", "allocations"));
    return out + ".\n";
}

} // namespace cenote::tool
