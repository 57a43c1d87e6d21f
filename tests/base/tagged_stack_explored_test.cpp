// cenote: SPDX-License-Identifier: MIT
//
// The lock-free stack that a bench weighs against the lock of a depot.
#include "../../bench/guards/tagged_stack.hpp"
#include "support/explorer.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace {

using namespace cenote;
using namespace cenote::test;

// What a number on the stack stands for: it has one owner at a time, who may write to it.
struct element {
    explored::data<int> content{0};
    int owners = 0;
};

template<bool IsTagged>
struct shop {
    static constexpr std::uint32_t size = 3;
    using stack = guards::tagged_stack<explored, IsTagged>;
    stack free{size};
    std::array<element, size> elements;

    std::uint32_t take() {
        const std::uint32_t number = free.pop();
        if (number == stack::none) return number;
        require(++elements[number].owners == 1, "an element has two owners");
        ++elements[number].content;
        return number;
    }
    void give(std::uint32_t number) {
        if (number == stack::none) return;
        ++elements[number].content;
        --elements[number].owners;
        free.push(number);
    }
};

template<bool IsTagged>
void take_and_give(program& run) {
    auto all = std::make_shared<shop<IsTagged>>();
    for (std::uint32_t number = shop<IsTagged>::size; number-- != 0;) all->free.push(number);
    run.threads.emplace_back([=] {
        const std::uint32_t first = all->take();
        const std::uint32_t second = all->take();
        all->give(first);
        all->give(second);
    });
    run.threads.emplace_back([=] {
        const std::uint32_t first = all->take();
        const std::uint32_t second = all->take();
        all->give(first);
        all->give(all->take());
        all->give(second);
    });
    run.at_end = [=] {
        for (std::uint32_t i = 0; i < shop<IsTagged>::size; ++i)
            require(all->take() != shop<IsTagged>::stack::none, "an element was lost");
        require(all->take() == shop<IsTagged>::stack::none, "there are more than there were");
    };
}

TEST(tagged_stack_explored, every_element_has_one_owner) {
    exploration wanted;
    wanted.preemptions = 3;
    wanted.random_schedules = 2000;
    const findings found = explore(take_and_give<true>, wanted);
    EXPECT_EQ(found.kind, failure::none) << found;
    EXPECT_TRUE(found.complete);
    wanted.stale_loads = 1;
    wanted.preemptions = 2;
    const findings stale = explore(take_and_give<true>, wanted);
    EXPECT_EQ(stale.kind, failure::none) << stale;
}

TEST(tagged_stack_explored, without_the_tag_an_element_is_handed_out_twice) {
    const findings found = explore(take_and_give<false>);
    EXPECT_EQ(found.kind, failure::requirement) << found;
    EXPECT_NE(found.what.find("an element has two owners"), std::string::npos) << found;
}

} // namespace
