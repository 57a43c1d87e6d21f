// cenote: SPDX-License-Identifier: MIT
#include "replay/results.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <string_view>

namespace cenote::tool {
namespace {

// One object's members; values are JSON already.
class object {
public:
    object& add(std::string_view name, const std::string& value) {
        text_ += fmt::format("{}{}: {}", text_.empty() ? "" : ", ", quoted_json(name), value);
        return *this;
    }
    object& add(std::string_view name, std::uint64_t value) { return add(name, fmt::format("{}", value)); }
    object& add(std::string_view name, double value) { return add(name, fmt::format("{:.3f}", value)); }
    template<class T>
    object& add(std::string_view name, const std::optional<T>& value) {
        return value ? add(name, *value) : add(name, std::string("null"));
    }
    object& add(std::string_view name, const std::vector<double>& values) {
        std::string list;
        for (const double v : values) list += fmt::format("{}{:.3f}", list.empty() ? "" : ", ", v);
        return add(name, "[" + list + "]");
    }
    [[nodiscard]] std::string text() const { return "{" + text_ + "}"; }

private:
    std::string text_;
};

std::string recording_json(const plan& p, const results& all) {
    const trace::totals& c = p.process.counts;
    return object()
        .add("program", quoted_json(p.process.program))
        .add("process", p.process.pid)
        .add("processes", p.processes)
        .add("threads", c.threads)
        .add("replayed_with_threads", std::string(all.threads ? "true" : "false"))
        .add("most_threads_alive", all.threads ? std::optional(all.threads->most_alive) : std::nullopt)
        .add("crossing_operations", all.threads ? std::optional(all.threads->crossing) : std::nullopt)
        .add("recorded_operations", p.recorded_ops)
        .add("operations", p.count)
        .add("allocations", c.allocations)
        .add("reallocations", c.reallocations)
        .add("frees", c.deallocations)
        .add("peak_live_bytes", c.peak_live_bytes)
        .add("peak_live_blocks", c.peak_live_blocks)
        .add("lost_events", p.process.lost_events)
        .add("truncated", std::string(p.truncated ? "true" : "false"))
        .text();
}

std::string row_json(const results& all, const result& r) {
    object o;
    o.add("name", quoted_json(r.who.name)).add("library", quoted_json(r.who.preload));
    if (!r.usable()) return o.add("problem", quoted_json(r.problem)).text();
    return o.add("ns_per_operation_rounds", r.first_ns)
        .add("ns_per_operation_best", r.best())
        .add("ns_per_operation_median", r.median())
        .add("ns_per_operation_net", all.net(r))
        .add("ns_per_operation_again_rounds", r.again_ns)
        .add("ns_per_operation_again_best", r.best_again())
        .add("wall_ns_rounds", r.wall_ns)
        .add("waiting_ns_rounds", r.waiting_ns)
        .add("waiting_share_rounds", r.waiting_share)
        .add("waits_rounds", r.waits)
        .add("latency_999_ns", r.latency_999_ns)
        .add("latency_worst_ns", r.latency_worst_ns)
        .add("reserved_bytes", r.reserved_bytes)
        .add("resident_bytes", r.resident_bytes)
        .add("refused_allocations", r.refused)
        .text();
}

} // namespace

std::string make_json(const plan& p, const results& all) {
    std::string rows;
    for (const result& r : all.rows) rows += (rows.empty() ? "\n    " : ",\n    ") + row_json(all, r);
    return fmt::format("{{\n  \"recording\": {},\n  \"rounds\": {},\n  \"clock_ns\": {:.3f},\n"
                       "  \"contenders\": [{}\n  ]\n}}\n",
                       recording_json(p, all), all.rounds, all.clock_ns, rows);
}

} // namespace cenote::tool
