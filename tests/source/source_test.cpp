// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/source.hpp>

#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;

// The least that a source must do.
class plainest final : public source {
public:
    [[nodiscard]] void* reserve(const request&) noexcept override { return nullptr; }
    void release(void*, const request&) noexcept override {}
};

TEST(source, the_least_source_has_sensible_answers_to_everything_else) {
    plainest from;
    std::vector<std::byte> bytes(10000, std::byte{7});
    EXPECT_TRUE(from.commit(bytes.data(), bytes.size()));
    from.purge(bytes.data(), bytes.size());
    from.decommit(bytes.data(), bytes.size());
    EXPECT_EQ(from.granularity(), 1u);
    EXPECT_EQ(from.available(), unlimited);
    EXPECT_FALSE(from.is_prepaid());
}

TEST(source, populating_keeps_every_byte) {
    plainest from;
    for (const std::size_t size : {0u, 1u, 2u, 4095u, 4096u, 4097u, 10000u}) {
        std::vector<std::byte> bytes(size + 1, std::byte{7});
        from.populate(bytes.data(), size);
        EXPECT_EQ(bytes, std::vector<std::byte>(size + 1, std::byte{7}));
    }
}

TEST(source, a_request_wishes_for_no_node_and_no_alignment_by_default) {
    const source::request wanted;
    EXPECT_EQ(wanted.alignment, 1u);
    EXPECT_EQ(wanted.node, source::any_node);
}

} // namespace
