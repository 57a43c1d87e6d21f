// cenote: SPDX-License-Identifier: MIT
#include "report.hpp"

#include "text.hpp"

#include <fmt/format.h>

namespace cenote::bench {
namespace {

constexpr const char* row_format = "  {:<36}{:>10}{:>10}{:>9}{:>12}{:>8}{:>6}{:>8}{:>7}{:>9}  {}\n";

std::string number(double value) {
    return value < 1000 ? fmt::format("{:.2f}", value) : fmt::format("{:.0f}", value);
}

std::string demand_text(const verdict& one) {
    std::string text = one.ratio ? fmt::format("{:.2f}", *one.ratio) : std::string("?");
    const bool is_difference = one.asked->against == rival::above;
    if (one.range) text += fmt::format(" [{:.2f}, {:.2f}]", one.range->low, one.range->high);
    if (!one.rival_name.empty()) text += (is_difference ? " ns above " : " × ") + one.rival_name;
    std::string how = one.asked->judged == statistic::median ? " (median)" : "";
    if (!one.asked->figure.empty()) how = fmt::format(" ({})", one.asked->figure);
    if (!one.doubtful.empty()) how += fmt::format(" (perhaps {} is better)", one.doubtful);
    const std::string by =
        one.range ? fmt::format(" for the low end of the interval over {} paired rounds", one.pairs) : "";
    return fmt::format("{}{}, {} {}{}: {}", text, how, one.asked->is_stretch ? "hoped for" : "at most",
                       one.asked->at_most, by, one.word());
}

std::vector<std::string> demands_on(const std::vector<verdict>& verdicts, const std::string& which,
                                    std::string_view who) {
    std::vector<std::string> texts;
    for (const verdict& one : verdicts)
        if (one.which == which && one.asked->contender == who) texts.push_back(demand_text(one));
    if (texts.empty()) texts.emplace_back();
    return texts;
}

std::string row_lines(const results& all, const std::vector<verdict>& verdicts, const test_case& which,
                      const participant& who) {
    const std::string name = which.name();
    const row* const own = all.find(name, who.who.name);
    if (own == nullptr) return "";
    const row* const harness = all.find(name, names::no_op);
    const std::vector<std::string> texts = demands_on(verdicts, name, who.who.name);
    const double figure = which.figures().size() == 1 ? own->worst_figure(which).value_or(0) : 0;
    const std::string worst = figure > 0 ? number(figure) : "";
    std::string out = fmt::format(
        row_format, who.who.name, number(own->best()) + (own->is_clean() ? "" : "!"), number(own->median()),
        harness != nullptr ? number(harness->best()) : "–", tool::byte_count(own->peak_bytes), own->rounds(),
        own->windows(), fmt::format("{:.1f}", own->window_ns / 1e6), fmt::format("{:.1f}", own->load()),
        worst, texts.front());
    for (std::size_t i = 1; i < texts.size(); ++i)
        out += fmt::format(row_format, "", "", "", "", "", "", "", "", "", "", texts[i]);
    return out;
}

// Where there are several of them, they have lines of their own.
std::string figure_lines(const results& all, const test_case& which) {
    const std::span<const char* const> figures = which.figures();
    if (figures.size() == 1) return fmt::format("  figure: {}, of the worst round\n", figures.front());
    std::string out;
    for (const participant& who : all.contenders) {
        const row* const own = all.find(which.name(), who.who.name);
        if (own == nullptr) continue;
        out += fmt::format("  {:<36}{:>10} a second", who.who.name, number(1e9 / own->median()));
        for (std::size_t i = 0; i < figures.size(); ++i)
            out += fmt::format("  {} {}", figures[i], number(own->figure(i).value_or(0)));
        out += "\n";
    }
    return out;
}

} // namespace

std::string make_table(const results& all, const std::vector<verdict>& verdicts) {
    std::string out;
    for (const test_case& which : all.cases) {
        const std::string name = which.name();
        out += fmt::format("{}: ns a {}\n", name, which.operation());
        out += fmt::format(row_format, "", "best", "median", "no-op", "resident", "rounds", "n", "ms", "load",
                           which.figures().size() == 1 ? "figure" : "", "");
        for (const participant& who : all.contenders) out += row_lines(all, verdicts, which, who);
        if (!which.figures().empty()) out += figure_lines(all, which);
        out += "\n";
    }
    return out;
}

std::string make_summary(const std::vector<verdict>& verdicts) {
    std::string out = "What is demanded:\n";
    for (const verdict& one : verdicts) {
        out += fmt::format("  {:<8}{:<36}{:<34}{:>9}  {}\n", one.word(), one.which, one.asked->contender,
                           one.own ? number(*one.own) : "–", demand_text(one));
    }
    const tally sum = count(verdicts);
    out += fmt::format("{} of {} rows reach what is demanded", sum.reached, sum.rows);
    if (sum.stretch_rows != 0)
        out += fmt::format(", {} of {} what is hoped for", sum.stretch_reached, sum.stretch_rows);
    return out + ".\n";
}

std::string make_footer(const results& all) {
    constexpr const char* text =
        R"({}; {}; {}; load {:.1f} before and {:.1f} after; {:.0f} s, {:.0f} of them for cases of too few rounds.
A process for each contender, case and round, contenders interleaved. Times are processor time, with several
threads wall time on bound cores. n windows count, of so many ms in the round in which they were shortest.
Not those in which a worker waited more than {:g} % of the time for its core, or the cores were not as far from
each other as in most (!: there were no others; few: they are of less than {} rounds). With more threads than
cores each waits for its turn, and nobody can tell who else had the core: waiting discards none.
unclean: a side has no window that counts, a peer that has none may be better than the one named, or the kernel
gave none of the huge pages that were asked for.
resident: the most memory in RAM beyond the case's own arrays, code included. no-op: what the harness itself
costs; it is in every number beside which it stands. wake_up and relay have none: who hands nothing over wakes
nobody. fragmented: after malloc's heap, or TBB's, was cut up; pools on pages of their own see nothing of that.
)";
    std::string footer =
        fmt::format(text, machine(), CENOTE_BENCH_COMPILER, today(), all.load_before, all.load_after,
                    all.seconds, all.more_seconds, 100 * most_waiting, all.least_rounds);
    if (!all.tells_who_waits)
        footer += "This kernel does not say how long a thread waits for its core: no window was discarded "
                  "for that.\n";
    return footer;
}

} // namespace cenote::bench
