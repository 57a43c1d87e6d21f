// cenote: SPDX-License-Identifier: MIT
//
// Random programs of pool operations against the map beside the pool. RC_PARAMS sets the number of tests and
// the seed.
#include "operations/ground.hpp"
#include "operations/program.hpp"
#include "operations/random_program.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sstream>

namespace cenote::test {

namespace {

using interpreter = void (*)(const program&);

void run(interpreter interpret, const program& script) {
    try {
        interpret(script);
    } catch (const disagreement& wrong) {
        RC_FAIL(wrong.what());
    }
}

/// Hundred after hundred of cases for some seconds, whatever the build; or as many as RC_PARAMS says.
template<class Property>
void check(const char* what, const Property& property) {
    using clock = std::chrono::steady_clock;
    constexpr std::chrono::seconds enough(2);
    rc::detail::TestParams params = rc::detail::configuration().testParams;
    rc::detail::TestMetadata metadata;
    metadata.id = what;
    metadata.description = what;
    const bool is_told = params.maxSuccess != rc::detail::TestParams().maxSuccess;
    const clock::time_point start = clock::now();
    do {
        const rc::detail::TestResult result = rc::detail::checkTestable(property, metadata, params);
        std::ostringstream message;
        rc::detail::printResultMessage(result, message);
        ASSERT_TRUE(result.is<rc::detail::SuccessResult>()) << "seed " << params.seed << "\n"
                                                            << message.str();
        ++params.seed;
    } while (!is_told && clock::now() - start < enough);
}

void check_programs(const char* what, interpreter interpret) {
    check(what, [=](const program& script) { run(interpret, script); });
}

void check_bytes(const char* what, interpreter interpret) {
    check(what, [=] {
        const auto bytes = *rc::gen::scale(5.0, rc::gen::arbitrary<std::vector<std::uint8_t>>());
        run(interpret, decode(bytes));
    });
}

TEST(operations, of_any_program_agree_with_a_map_on_a_fixed_pool) {
    check_programs("fixed_pool, structured programs", run_on_fixed_pool);
}

TEST(operations, of_any_bytes_agree_with_a_map_on_a_fixed_pool) {
    check_bytes("fixed_pool, raw bytes", run_on_fixed_pool);
}

TEST(operations, programs_survive_being_written_as_bytes) {
    EXPECT_TRUE(rc::check("encode and decode", [](const program& script) {
        const program again = decode(encode(script));
        RC_ASSERT(again.choices == script.choices);
        RC_ASSERT(again.operations.size() == script.operations.size());
        RC_ASSERT(encode(again) == encode(script));
    }));
}

TEST(operations, of_any_program_agree_with_a_map_on_a_multi_pool) {
    check_programs("multi_pool, structured programs", run_on_multi_pool);
}

TEST(operations, of_any_bytes_agree_with_a_map_on_a_multi_pool) {
    check_bytes("multi_pool, raw bytes", run_on_multi_pool);
}

TEST(operations, of_any_program_agree_with_a_map_on_a_variable_pool) {
    check_programs("variable_pool, structured programs", run_on_variable_pool);
}

TEST(operations, of_any_bytes_agree_with_a_map_on_a_variable_pool) {
    check_bytes("variable_pool, raw bytes", run_on_variable_pool);
}

TEST(operations, of_any_program_agree_with_a_map_on_an_arena) {
    check_programs("arena, structured programs", run_on_arena);
}

TEST(operations, of_any_bytes_agree_with_a_map_on_an_arena) {
    check_bytes("arena, raw bytes", run_on_arena);
}

TEST(operations, of_any_program_agree_with_a_list_on_an_arena_pool) {
    check_programs("arena_pool, structured programs", run_on_arena_pool);
}

TEST(operations, of_any_bytes_agree_with_a_list_on_an_arena_pool) {
    check_bytes("arena_pool, raw bytes", run_on_arena_pool);
}

TEST(operations, of_any_program_agree_with_a_map_on_a_buffer_pool) {
    check_programs("buffer_pool, structured programs", run_on_buffer_pool);
}

TEST(operations, of_any_bytes_agree_with_a_map_on_a_buffer_pool) {
    check_bytes("buffer_pool, raw bytes", run_on_buffer_pool);
}

TEST(operations, of_any_program_agree_with_a_map_on_a_bounded_pool) {
    check_programs("bounded_pool, structured programs", run_on_bounded_pool);
}

TEST(operations, of_any_bytes_agree_with_a_map_on_a_bounded_pool) {
    check_bytes("bounded_pool, raw bytes", run_on_bounded_pool);
}

TEST(operations, of_any_program_agree_with_a_map_on_the_c_face) {
    check_programs("C face, structured programs", run_on_c_face);
}

TEST(operations, of_any_bytes_agree_with_a_map_on_the_c_face) {
    check_bytes("C face, raw bytes", run_on_c_face);
}

TEST(operations, of_any_program_agree_with_a_map_on_the_allocator_interface) {
    check_programs("allocator interface, structured programs", run_on_resource);
}

TEST(operations, of_any_bytes_agree_with_a_map_on_the_allocator_interface) {
    check_bytes("allocator interface, raw bytes", run_on_resource);
}

// What the fuzzers found once stays found, and what they begin with holds.
void replay(const char* name, interpreter interpret) {
#if defined(CENOTE_TEST_CORPUS)
    const std::filesystem::path folder = std::filesystem::path(CENOTE_TEST_CORPUS) / name;
#else
    const std::filesystem::path folder =
        std::filesystem::path(__FILE__).parent_path().parent_path() / "fuzz" / "corpus" / name;
#endif
    ASSERT_TRUE(std::filesystem::is_directory(folder)) << folder;
    std::size_t programs = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        SCOPED_TRACE(file.path().filename().string());
        std::ifstream stream(file.path(), std::ios::binary);
        const std::vector<char> text{std::istreambuf_iterator<char>(stream), {}};
        const std::vector<std::uint8_t> bytes(text.begin(), text.end());
        EXPECT_NO_THROW(interpret(decode(bytes)));
        ++programs;
    }
    EXPECT_GT(programs, 0u);
}

TEST(operations, that_fuzzers_found_agree_on_a_fixed_pool) {
    replay("fixed_pool", run_on_fixed_pool);
}

TEST(operations, that_fuzzers_found_agree_on_a_multi_pool) {
    replay("multi_pool", run_on_multi_pool);
}

TEST(operations, that_fuzzers_found_agree_on_a_variable_pool) {
    replay("variable_pool", run_on_variable_pool);
}

TEST(operations, that_fuzzers_found_agree_on_an_arena) {
    replay("arena", run_on_arena);
}

TEST(operations, that_fuzzers_found_agree_on_an_arena_pool) {
    replay("arena_pool", run_on_arena_pool);
}

TEST(operations, that_fuzzers_found_agree_on_a_buffer_pool) {
    replay("buffer_pool", run_on_buffer_pool);
}

TEST(operations, that_fuzzers_found_agree_on_a_bounded_pool) {
    replay("bounded", run_on_bounded_pool);
}

TEST(operations, that_fuzzers_found_agree_on_the_c_face) {
    replay("c_face", run_on_c_face);
}

TEST(operations, that_fuzzers_found_agree_on_the_allocator_interface) {
    replay("resource", run_on_resource);
}

} // namespace
} // namespace cenote::test
