#pragma once

#include "peer/base/philox.h"
#include "peer/device/gemm.h"

namespace peer::layers {

// Unit vectors that the points cluster around, by spherical k-means: a few rounds from C of the points, which `random` draws. A point
// belongs to the centroid with the largest inner product, as a query finds the sub-key that scores best.        (Dhillon & Modha 2001)
// point (N, d); centroid (C, d) set; the last C - N of it start where they are, and one that no point belongs to stays where it is.
// The same bits for any number of threads.
void spherical_centroids(Context& ctx, Matrix<const float> point, const Random& random, View<float, 2> centroid);

}  // namespace peer::layers
