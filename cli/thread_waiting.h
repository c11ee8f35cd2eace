// How OpenMP's threads wait for each other.
#pragma once

namespace peer::cli {

// libgomp spins for milliseconds before a thread sleeps, so a second program on the same cores makes training ten times slower (twice is
// fair). It reads its limit from the environment before main, hence this starts the program again, once, with GOMP_SPINCOUNT set; what the
// user set (GOMP_SPINCOUNT or OMP_WAIT_POLICY) stays.
void limit_spinning(char** argv);

}  // namespace peer::cli
