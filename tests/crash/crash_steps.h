// The steps that crash tests interrupt, and what the pool must be before and after each.
#pragma once

#include <string>

#include "pool/pool.h"

namespace peer::pool::test {

// A pool of two generations, with head at the second.
void make_two_generations(const std::string& path);

// One commit of everything: changed and new pages, states, two blocks, a trunk, records; 'seed' decides the content.
GenerationId commit_everything(Pool& pool, GenerationId parent, int seed);

// "commit" or "rollback", on the pool of make_two_generations; "prune" of what no ref is or descends from, on any.
void run_step(Pool& pool, const std::string& step);

// What a reader sees: head's content, and every record.
std::string visible_state(const Pool& pool);

}  // namespace peer::pool::test
