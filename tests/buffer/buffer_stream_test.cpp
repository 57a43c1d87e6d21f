// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buffer_stream.hpp>

#include <gtest/gtest.h>
#include <iomanip>
#include <string>

namespace {

using namespace cenote;

TEST(buffer_stream, writes_what_a_stream_writes) {
    buffer_pool pool({.smallest = 64, .largest = 4096});
    byte_buffer bytes(pool);
    byte_ostream out(bytes);
    out << "answer " << 42 << ' ' << std::setw(6) << 1.5 << std::endl;
    EXPECT_EQ(bytes.text(), "answer 42    1.5\n");
    EXPECT_EQ(out.tellp(), std::streampos(17));
    out.write(std::string(10'000, 'z').data(), 10'000);
    EXPECT_TRUE(out);
    EXPECT_EQ(bytes.size(), 10'017u);
    EXPECT_EQ(bytes.text().back(), 'z');
    out.seekp(0);
    EXPECT_FALSE(out); // it only appends
}

TEST(buffer_stream, reads_what_was_written_and_goes_to_any_place) {
    buffer_pool pool;
    byte_buffer bytes(pool);
    byte_ostream(bytes) << "one 2 3.5\nsecond line\n";
    byte_istream in(bytes.bytes());
    std::string word;
    int whole = 0;
    double half = 0;
    in >> word >> whole >> half;
    EXPECT_EQ(word, "one");
    EXPECT_EQ(whole, 2);
    EXPECT_EQ(half, 3.5);
    std::getline(in >> std::ws, word);
    EXPECT_EQ(word, "second line");
    EXPECT_EQ(in.get(), std::char_traits<char>::eof());
    in.clear();
    in.seekg(4);
    in >> whole;
    EXPECT_EQ(whole, 2);
    in.seekg(-5, std::ios_base::end);
    in >> word;
    EXPECT_EQ(word, "line");
    EXPECT_EQ(in.tellg(), std::streampos(21));
    in.seekg(23);
    EXPECT_FALSE(in);
}

TEST(buffer_stream, goes_bad_when_the_pool_is_exhausted) {
    buffer_pool pool({.smallest = 64, .largest = 4096, .maximum_bytes = 1 << 20});
    byte_buffer bytes(pool);
    byte_ostream out(bytes);
    out << "kept";
    const std::string huge(2 << 20, 'x');
    out << huge;
    EXPECT_TRUE(out.bad());
    EXPECT_EQ(bytes.text(), "kept");
}

} // namespace
