// Named points with their intervals as an inline SVG. Labels keep clear of each other and of the points, at the size that a phone shows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "trainer/evaluation/bootstrap.h"

namespace peer::trainer {

struct ScatterPoint {
  std::string name;
  double x = 0, y = 0;                          // a point with a missing coordinate is left out
  Interval x_interval, y_interval;              // kMissing: none is drawn
  std::vector<std::pair<double, double>> runs;  // smaller dots beside their mean
  bool reference = false;                       // drawn as a ring
};

struct ScatterPlot {
  std::string title;  // for those who do not see it
  std::string x_label, y_label;
  std::vector<ScatterPoint> points;
};

std::string scatter_svg(const ScatterPlot& plot);

}  // namespace peer::trainer
