// cenote: SPDX-License-Identifier: MIT
//
// A pool of blocks under an operation program, and the map that knows what it should do: what the
// interpreters of all such pools have in common.
#pragma once

#include "operations/frame.hpp"

#include <functional>
#include <map>

namespace cenote::test {

template<class Pool, class Options>
class pool_run {
public:
    pool_run(const pool_run&) = delete;
    pool_run& operator=(const pool_run&) = delete;

protected:
    pool_run(const program& script, const Options& options)
        : ground_(ground_of<Pool>(script, options)), options_(options) {
        options_.source = &ground_.source();
        if (script.choices[11] % 3 == 1) options_.on_exhaustion = {&pool_run::free_one, this, 2};
    }
    virtual ~pool_run() = default;

    virtual void free(std::size_t number) = 0;
    /// So many blocks the handler of exhaustion lets alone.
    [[nodiscard]] virtual std::size_t spared() const noexcept { return 0; }

    /// Calls a verb, and says whether it was given what it asks for.
    bool attempt(const std::function<bool()>& verb) {
        is_armed_ = ground_.source().is_armed();
        was_short_ = false;
        try {
            return verb();
        } catch (const out_of_memory& refusal) {
            require(refusal.details().pool == options_.name, "the exception names another pool");
            return false;
        }
    }

    void* leave(std::size_t number) {
        void* const block = map_.live[number].data;
        require_good(map_.live.remove(number));
        map_.note_freed(block);
        index_.erase(block);
        throughout_.erase(block);
        ++map_.calls.deallocations;
        return block;
    }

    /// The last, the first, or any, at most `most` times.
    void free_burst(operation how, std::size_t most) {
        std::size_t chance = how.amount * 2654435761u + 1;
        for (std::size_t left = how.amount % most; left != 0 && !map_.live.empty(); --left) {
            chance = chance * 6364136223846793005u + 1442695040888963407u;
            const std::size_t size = map_.live.size();
            const std::size_t number = how.which % 3 == 0   ? size - 1
                                       : how.which % 3 == 1 ? 0
                                                            : (chance >> 33) % size;
            free(number);
        }
    }

    void refuse(operation how) {
        if (how.which % 3 == 0) return ground_.source().relent();
        ground_.source().refuse(how.amount % 6u + 1,
                                how.which % 3 == 1 ? refusal::once : refusal::from_then_on);
    }

    /// The pool ends with what is live.
    void end() {
        const std::size_t left = map_.live.size();
        pool_.reset();
        require(recorder::leaked().blocks == left, "the leak report is wrong");
        require(recorder::count() == 0, "the destructor reported misuse though there was none");
        ground_.check_end();
    }

    ground ground_;
    Options options_;
    chronicle map_;
    std::map<void*, std::size_t> index_; // of some live blocks, as first told
    std::set<void*> throughout_;         // live since the walk under way began
    bool is_armed_ = false;
    bool was_short_ = false;     // the handler was called
    std::unique_ptr<Pool> pool_; // last: goes first

private:
    static bool free_one(void* context, const shortage& what) {
        auto& self = *static_cast<pool_run*>(context);
        require(what.pool == self.options_.name, "the handler was told of another pool");
        self.was_short_ = true;
        if (self.map_.live.size() <= self.spared()) return false;
        self.free(self.map_.live.size() / 2);
        return true;
    }
};

} // namespace cenote::test
