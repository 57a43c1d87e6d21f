// cenote: SPDX-License-Identifier: MIT
#include "trace_sample.hpp"

namespace cenote::test {
namespace {

using trace::event;
using trace::event_kind;

// Writes to a trace and notes what a reader must make of it.
class script {
public:
    script(trace::writer& out, std::vector<event>& events, std::uint32_t process)
        : out_(out), events_(events), process_(process) {}

    std::uint64_t allocate(std::uint64_t size, unsigned log2, bool zeroed, std::uint32_t thread,
                           std::uint32_t site) {
        event e{.zeroed = zeroed,
                .log2_alignment = static_cast<std::uint8_t>(log2),
                .process = process_,
                .thread = thread,
                .site = site,
                .size = size};
        e.block = out_.allocate(e);
        events_.push_back(e);
        return e.block;
    }
    void reallocate(std::uint64_t block, std::uint64_t old, std::uint64_t size, unsigned log2,
                    std::uint32_t thread) {
        out_.reallocate(block, size, thread, 9);
        events_.push_back({.kind = event_kind::reallocate,
                           .log2_alignment = static_cast<std::uint8_t>(log2),
                           .process = process_,
                           .thread = thread,
                           .site = 9,
                           .block = block,
                           .size = size,
                           .old_size = old});
    }
    void deallocate(std::uint64_t block, std::uint64_t size, unsigned log2, std::uint32_t thread) {
        out_.deallocate(block, thread, 8);
        events_.push_back({.kind = event_kind::deallocate,
                           .log2_alignment = static_cast<std::uint8_t>(log2),
                           .process = process_,
                           .thread = thread,
                           .site = 8,
                           .block = block,
                           .old_size = size});
    }

private:
    trace::writer& out_;
    std::vector<event>& events_;
    std::uint32_t process_;
};

} // namespace

sample make_sample(unsigned rounds) {
    sample s;
    trace::memory_sink sink;
    trace::writer out(sink);
    for (std::uint32_t p = 0; p < 2; ++p) {
        trace::process about{.pid = 100 + p, .forked = p == 1, .lost_events = p, .program = "/bin/sample"};
        if (p == 1) about.parent = 0;
        script play(out, s.events, out.begin_process(about));
        for (std::uint32_t i = 0; i < rounds; ++i) {
            const std::uint32_t site = i * 2654435761U % 97;
            const std::uint64_t a = play.allocate(i * 37 % 1000, 4, false, i % 3, site);
            const std::uint64_t b = play.allocate(trace::max_block_bytes - i, 6, true, i % 3, site + 1);
            play.reallocate(a, i * 37 % 1000, 123456789, 4, 1);
            play.deallocate(b, trace::max_block_bytes - i, 6, 2);
            if (i % 2 == 0) play.deallocate(a, 123456789, 4, i % 3);
        }
        (void)out.end_process(p);
    }
    out.finish();
    s.file = sink.data();
    return s;
}

read_result read_all(std::span<const unsigned char> file, trace::limits limits) {
    read_result out;
    trace::memory_source source(file);
    try {
        trace::reader reader(source, limits);
        for (event e; reader.next(e);) out.events.push_back(e);
        out.processes = reader.processes();
        out.truncated = reader.truncated();
    } catch (const trace::error& e) {
        out.error = e.what();
    }
    return out;
}

trace::bytes file_of(const std::vector<trace::bytes>& frames) {
    trace::bytes out = trace::pack_file_header();
    for (const trace::bytes& f : frames) out.insert(out.end(), f.begin(), f.end());
    return out;
}

} // namespace cenote::test
