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

// fmt counts "µ" and "–" as the one column they take; a byte-wise printf would not.
std::string row(const std::string& name, const std::vector<std::string>& cells) {
    static constexpr int widths[]{8, 8, 8, 8, 12, 11, 13, 12, 9, 9};
    std::string line = fmt::format("{:<21}", name);
    for (std::size_t i = 0; i < cells.size(); ++i) line += fmt::format("{:>{}}", cells[i], widths[i]);
    return line + "\n";
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

std::string numbers_row(const results& all, const result& r) {
    const bool is_no_op = &r == &all.no_op();
    const auto ns = [](double value) { return fmt::format("{:.1f}", value); };
    return row(r.who.name,
               {ns(r.best()), ns(r.median()), is_no_op ? none : ns(all.net(r)), ns(r.best_again()),
                duration(r.latency_999_ns), duration(r.latency_worst_ns), amount(r.reserved_bytes),
                is_no_op ? none : amount(r.resident_bytes), is_no_op ? none : ratio(time_ratio(all, r)),
                is_no_op ? none : ratio(memory_ratio(all, r))});
}

std::string notes(const plan& p, const results& all) {
    std::string out = fmt::format("best, median: processor time of the whole recording in a fresh process, "
                                  "over {} rounds; net: best without the\n"
                                  "no-op's, which is the replay's own cost; again: best of a second pass in "
                                  "the same process. Single operations:\n"
                                  "each one's least time in as many rounds, the clock's own {:.0f} ns "
                                  "included. × malloc compares net times, and what\n"
                                  "the processes hold in RAM (resident) beyond one that allocates nothing.\n",
                                  all.rounds, all.clock_ns);
    if (p.process.counts.threads > 1)
        out +=
            fmt::format("The recording has {} threads; one thread replays them all in the recorded order.\n",
                        grouped(p.process.counts.threads));
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

double result::median() const {
    if (first_ns.empty()) return 0;
    std::vector<double> sorted = first_ns;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double results::net(const result& r) const {
    return std::max(0.01, r.best() - (no_op().usable() ? no_op().best() : 0));
}

std::string describe_plan(const plan& p) {
    const trace::totals& c = p.process.counts;
    std::string out =
        fmt::format("{} (process {}): {} operations ({} allocations, {} reallocations, {} frees), {} live at "
                    "most, in {} blocks\n",
                    printable(base_name(p.process.program)), p.process.pid, grouped(p.count),
                    grouped(c.allocations), grouped(c.reallocations), grouped(c.deallocations),
                    byte_count(c.peak_live_bytes), grouped(c.peak_live_blocks));
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
    std::string out = fmt::format("{:<21}{:^32}{:^23}{:^25}{:^18}\n", "", "ns an operation",
                                  "  one operation", "   most memory", "   × malloc");
    out += row(
        "", {"best", "median", "net", "again", "99.9 %", "worst", "reserved", "resident", "time", "memory"});
    for (const result& r : all.rows) {
        if (r.usable())
            out += numbers_row(all, r);
        else
            out += fmt::format("{:<21}  {}\n", r.who.name, r.problem.empty() ? "has no numbers" : r.problem);
    }
    out += row("live data alone", {"", "", "", "", "", "", "", byte_count(p.process.counts.peak_live_bytes)});
    return out + "\n" + notes(p, all);
}

std::string make_sentence(const results& all) {
    const result* ours = find(all, contender_words::cenote);
    if (ours == nullptr || !all.malloc().usable())
        return "No comparison with malloc can be made: one of the two has no numbers.\n";
    const auto time = [&](const result& r) { return time_ratio(all, r); };
    const auto memory = [&](const result& r) { return memory_ratio(all, r); };
    std::string out =
        fmt::format("On this recording cenote::multi_pool took {} × malloc's time", ratio(time(*ours)));
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
