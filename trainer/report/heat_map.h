// The matrix L as an HTML table. From the row of its own stage on, a cell is coloured by how far it has moved since its domain was learnt.
#pragma once

#include <string>

#include "trainer/report/report.h"

namespace peer::trainer {

// How strongly |change| is coloured: 0 within 0.005 bits per byte, the margin of "unchanged", up to 4 beyond 0.5.
int colour_level(double change);

std::string heat_map(const ForgettingReport& report);

}  // namespace peer::trainer
