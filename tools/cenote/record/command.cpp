// cenote: SPDX-License-Identifier: MIT
#include "record/command.hpp"

#include "progress.hpp"
#include "record/merge.hpp"
#include "record/run.hpp"
#include "record/spool_folder.hpp"
#include "record/trace_file.hpp"
#include "recorder/spool.hpp"
#include "text.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace cenote::tool {
namespace {

namespace fs = std::filesystem;

std::string find_recorder() {
    if (const char* chosen = std::getenv("CENOTE_RECORDER"); chosen != nullptr && *chosen != '\0') {
        if (fs::exists(chosen)) return fs::absolute(chosen);
        throw failure(fmt::format("CENOTE_RECORDER names {}, which does not exist", printable(chosen)), 125);
    }
    std::error_code ignored;
    const fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    for (const char* place : {"libcenote-record.so", CENOTE_RECORDER_FROM_BIN "/libcenote-record.so"}) {
        const fs::path candidate = (here / place).lexically_normal();
        if (fs::exists(candidate)) return candidate;
    }
    throw failure(
        fmt::format(
            "libcenote-record.so is missing: it belongs beside {}, or where CENOTE_RECORDER says; install "
            "cenote again",
            (here / "cenote").string()),
        125);
}

std::vector<std::string> recording_environment(const std::string& spool) {
    const std::string recorder = find_recorder();
    if (recorder.find_first_of(" :") != std::string::npos)
        throw failure(
            fmt::format(
                "the recorder lies at {}, and the dynamic linker takes no path with a space or a colon; "
                "copy it elsewhere and set CENOTE_RECORDER to that path",
                recorder),
            125);
    const char* before = std::getenv("LD_PRELOAD");
    const std::string rest = before != nullptr && *before != '\0' ? fmt::format(":{}", before) : "";
    return {fmt::format("LD_PRELOAD={}{}", recorder, rest),
            fmt::format("{}={}", spool::environment_name, spool)};
}

void tell_end(const record_options& options, const run_result& ran) {
    const std::string program = printable(base_name(options.command[0]));
    if (ran.signal != 0)
        fmt::print(stderr, "cenote: {} was ended by signal {} ({}) after {:.1f} s\n", program, ran.signal,
                   ::strsignal(ran.signal), ran.seconds);
    else
        fmt::print(stderr, "cenote: {} ended with status {} after {:.1f} s\n", program, ran.status,
                   ran.seconds);
}

void tell_numbers(const record_options& options, const merge_result& merged, std::uint64_t bytes,
                  double seconds) {
    trace::totals sum;
    const trace::process* largest = &merged.processes.front();
    std::uint64_t unknown = 0;
    for (const trace::process& p : merged.processes) {
        sum.allocations += p.counts.allocations;
        sum.deallocations += p.counts.deallocations;
        sum.reallocations += p.counts.reallocations;
        sum.requested_bytes += p.counts.requested_bytes;
        sum.threads += p.counts.threads;
        unknown += p.unknown_frees;
        if (p.counts.peak_live_bytes > largest->counts.peak_live_bytes) largest = &p;
    }
    const auto line = [](const char* name, const std::string& value) {
        fmt::print(stderr, "  {:<15}{}\n", name, value);
    };
    line("processes", fmt::format("{} with {}", grouped(merged.processes.size()),
                                  counted(sum.threads, "thread", "threads")));
    line("allocations", fmt::format("{} ({})", grouped(sum.allocations), byte_count(sum.requested_bytes)));
    line("reallocations", grouped(sum.reallocations));
    line("frees", unknown == 0
                      ? grouped(sum.deallocations)
                      : fmt::format("{}, and {} of blocks from before the recording or from a parent process",
                                    grouped(sum.deallocations), grouped(unknown)));
    line("peak live", fmt::format("{} in {} ({}, process {})", byte_count(largest->counts.peak_live_bytes),
                                  counted(largest->counts.peak_live_blocks, "block", "blocks"),
                                  printable(base_name(largest->program)), largest->pid));
    const double each =
        static_cast<double>(bytes) / static_cast<double>(std::max<std::uint64_t>(1, sum.events()));
    line("recording", fmt::format("{}, {:.1f} bytes an event, written in {:.1f} s: {}", byte_count(bytes),
                                  each, seconds, printable(options.file)));
}

void warn(const std::string& text) {
    fmt::print(stderr, "cenote: warning: {}\n", text);
}

void tell_losses(const record_options& options, const merge_result& merged, const std::string& spool_parent) {
    if (merged.processes.empty())
        warn(fmt::format("nothing of {} was recorded: {}", printable(options.command[0]),
                         why_unrecordable(options.command[0])));
    if (merged.lost_events > 0)
        warn(fmt::format("the recording is incomplete: at least {} could not be written to {}. Make room "
                         "there (32 bytes an "
                         "event), or choose another folder with --spool",
                         counted(merged.lost_events, "event", "events"), printable(spool_parent)));
    if (merged.unrecorded_processes > 0)
        warn(fmt::format(
            "the recording is incomplete: {} could not be recorded at all (a full disk, or no right to "
            "write to {})",
            counted(merged.unrecorded_processes, "process", "processes"), printable(spool_parent)));
}

} // namespace

int record(const record_options& options) {
    const std::string spool_parent = options.spool.empty() ? folder_of(options.file) : options.spool;
    for (const std::string& old : abandoned_spools(spool_parent))
        warn(
            fmt::format("an interrupted recording left {}; delete it if you do not need it", printable(old)));
    trace_file file(options.file);
    run_result ran;
    merge_result merged;
    const auto now = [] { return std::chrono::steady_clock::now(); };
    auto merge_start = now();
    {
        const spool_folder spool(spool_parent);
        ran = run_program(options.command, recording_environment(spool.path()));
        if (!options.quiet || ran.signal != 0) tell_end(options, ran);
        merge_start = now();
        progress_bar bar("writing the recording");
        trace::writer writer(file);
        merged = merge_spool(spool.path(), writer, [&](double share) { bar.show(share); });
        writer.finish();
    }
    const std::uint64_t bytes = file.commit();
    const double seconds = std::chrono::duration<double>(now() - merge_start).count();
    if (!options.quiet && !merged.processes.empty()) tell_numbers(options, merged, bytes, seconds);
    tell_losses(options, merged, spool_parent);
    return ran.status;
}

} // namespace cenote::tool
