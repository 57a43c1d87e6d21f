// cenote: SPDX-License-Identifier: MIT
#include "report.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <fstream>

namespace cenote::bench {
namespace {

constexpr std::string_view statistic_names[] = {"min", "median", "figure"};
constexpr const char* kind_names[] = {"ours", "general", "pool", "reference"};

std::string or_null(std::optional<double> value) {
    return value ? fmt::format("{:.4f}", *value) : "null";
}

std::string demand_json(const verdict& one) {
    return fmt::format(
        "{{\"at_most\": {}, \"judged\": \"{}\", \"against\": {}, \"difference\": {}, \"ratio\": {}, "
        "{}\"stretch\": {}, \"word\": \"{}\", \"passes\": {}}}",
        one.asked->at_most,
        one.asked->figure.empty() ? statistic_names[static_cast<unsigned>(one.asked->judged)]
                                  : one.asked->figure,
        one.rival_name.empty() ? "null" : tool::quoted_json(one.rival_name),
        one.asked->against == rival::above, or_null(one.ratio),
        one.range ? fmt::format("\"interval\": [{:.4f}, {:.4f}], ", one.range->low, one.range->high) : "",
        one.asked->is_stretch, one.word(), one.passes());
}

std::string demands_json(const std::vector<verdict>& verdicts, const std::string& which,
                         std::string_view who) {
    std::string out = "[";
    for (const verdict& one : verdicts) {
        if (one.which != which || one.asked->contender != who) continue;
        if (out.size() > 1) out += ", ";
        out += demand_json(one);
    }
    return out + "]";
}

std::string row_json(const test_case& which, const entry& who, const row& own, const row* harness,
                     const std::string& demanded) {
    std::string out = fmt::format(
        "    {{\"case\": {}, \"contender\": {}, \"kind\": \"{}\", \"min_ns\": {:.4f}, \"median_ns\": {:.4f}, "
        "\"peak_kib\": {}, \"no_op_ns\": {}, \"rounds\": {}, \"windows\": {}, \"discarded\": {}, "
        "\"is_clean\": {}, \"window_ms\": {}, \"round_trip_ns\": {}, \"load\": {:.2f}",
        tool::quoted_json(which.name()), tool::quoted_json(who.name),
        kind_names[static_cast<unsigned>(who.what)], own.best(), own.median(), own.peak_bytes / 1024,
        or_null(harness != nullptr ? std::optional(harness->best()) : std::nullopt), own.rounds(),
        own.windows(), own.discarded, own.is_clean(), own.window_ns / 1e6,
        or_null(own.trips().empty() ? std::nullopt : std::optional(middle(own.trips()))), own.load());
    for (std::size_t i = 0; i < which.figures().size(); ++i) {
        const auto found = which.figures().size() == 1 ? own.worst_figure(which) : own.figure(i);
        if (found.value_or(0) > 0) out += fmt::format(", \"{}\": {:.4f}", which.figures()[i], *found);
    }
    return out + ", \"demanded\": " + demanded + "}";
}

// A row that is demanded and has no numbers, as its contender failed or is missing.
std::string absent_json(const verdict& one) {
    return fmt::format("    {{\"case\": {}, \"contender\": {}, \"demanded\": [{}]}}",
                       tool::quoted_json(one.which), tool::quoted_json(one.asked->contender),
                       demand_json(one));
}

} // namespace

void check_writable(const std::string& path) {
    if (!std::ofstream(path, std::ios::app))
        throw tool::failure(fmt::format("{} could not be written; --json names another file", path));
}

void write_json(const results& all, const std::vector<verdict>& verdicts, const std::string& path) {
    std::ofstream file(path);
    file << fmt::format("{{\n  \"machine\": {},\n  \"compiler\": {},\n  \"date\": \"{}\",\n"
                        "  \"load_before\": {:.2f},\n  \"load_after\": {:.2f},\n  \"seconds\": {:.0f},\n"
                        "  \"rows\": [",
                        tool::quoted_json(machine()), tool::quoted_json(CENOTE_BENCH_COMPILER), today(),
                        all.load_before, all.load_after, all.seconds);
    const char* separator = "\n";
    for (const test_case& which : all.cases) {
        const std::string name = which.name();
        for (const participant& one : all.contenders) {
            const row* const own = all.find(name, one.who.name);
            if (own == nullptr) continue;
            file << separator
                 << row_json(which, one.who, *own, all.find(name, names::no_op),
                             demands_json(verdicts, name, one.who.name));
            separator = ",\n";
        }
    }
    file << "\n  ],\n  \"absent\": [";
    separator = "\n";
    for (const verdict& one : verdicts) {
        if (all.find(one.which, one.asked->contender) != nullptr) continue;
        file << separator << absent_json(one);
        separator = ",\n";
    }
    file << "\n  ]\n}\n";
    file.close();
    if (!file) throw tool::failure(fmt::format("{} could not be written; --json names another file", path));
}

} // namespace cenote::bench
