// Which views a document needs, guessed from byte statistics before any of them has read it.
//
// The statistics take turns as a hidden Markov chain: each byte's evidence is raised to a power (bytes that follow one another are not
// independent), the chain leaves its state with a small chance at every byte, and the chance of each view at each byte is smoothed over
// the whole document, forwards and backwards. A view reads the windows in which its chance is worth it, somewhere in the window.
//
// A view that does not read a window predicts nothing there (probability 0), while it goes on drawing its switch share: the mixture then
// sums over the paths from view to view that avoid such windows, a part of the sum that the full mixture takes. So however the guess was
// made, even from the very text that is scored, bits(full mixture) <= bits.
#pragma once

#include <span>
#include <vector>

#include "trainer/evaluation/window.h"

namespace peer::trainer {

// log_p[g][t]: natural log-probability of byte t under the statistics of view g. Returns chance[g][t], which sum to 1 over the views.
std::vector<std::vector<float>> view_chances(std::span<const std::vector<float>> log_p);

// needed[g][w]: whether view g reads window w: its chance reaches `least` at some byte that the window scores, or is the largest there on
// average. A window may score one token more than there are bytes: the end of the document goes with the last byte.
std::vector<std::vector<bool>> needed_views(std::span<const std::vector<float>> chances, std::span<const Window> windows, double least);

}  // namespace peer::trainer
