#include "peer/ops/embedding.h"

#include "peer/base/error.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
struct Sizes {
  std::int64_t tokens, vocabulary, width;
};
const Sizes kSizes[] = {{1, 1, 3}, {67, 257, 3}, {50, 5, 40}, {513, 257, 128}};

std::vector<std::int32_t> ids_of(const Buffer<std::int32_t>& id) { return {id.data(), id.data() + id.size()}; }

Buffer<float> table_gradient(int threads, const Sizes& s, const Buffer<std::int32_t>& id, const Buffer<float>& dx) {
  Context ctx(Device{}, threads);
  auto dtable = filled<float>(s.vocabulary * s.width, 0.5f);
  ops::embedding_backward(ctx, {id.view(s.tokens), dx.view(s.tokens, s.width), dtable.view(s.vocabulary, s.width)});
  return dtable;
}
}  // namespace

TEST_CASE("embedding adds each token's row of the table") {
  Context ctx;
  for (const Sizes& s : kSizes) {
    const auto id = random_below<std::int32_t>(s.tokens, 1, s.vocabulary);
    const auto table = random_normal(s.vocabulary * s.width, 2);
    auto x = filled<float>(s.tokens * s.width, 1.0f);
    ops::embedding(ctx, {id.view(s.tokens), table.view(s.vocabulary, s.width), x.view(s.tokens, s.width)});
    auto expected = reference::embedding(ids_of(id), to_doubles(table), s.width);
    for (double& e : expected) e += 1;
    CHECK(relative_error(x, expected) < 1e-6);
  }
}

TEST_CASE("embedding_backward sums the gradients of repeated tokens into the table") {
  for (const Sizes& s : kSizes) {
    const auto id = random_below<std::int32_t>(s.tokens, 1, s.vocabulary);
    const auto dx = random_normal(s.tokens * s.width, 2);
    auto expected = reference::embedding_backward(ids_of(id), to_doubles(dx), s.vocabulary, s.width);
    for (double& e : expected) e += 0.5;
    CHECK(relative_error(table_gradient(2, s, id, dx), expected) < 1e-6);
  }
}

TEST_CASE("embedding_backward gives the same bits for any number of threads") {
  for (const Sizes& s : kSizes) {
    const auto id = random_below<std::int32_t>(s.tokens, 1, s.vocabulary);
    const auto dx = random_normal(s.tokens * s.width, 2);
    const auto one = table_gradient(1, s, id, dx);
    for (int threads : {2, 3, 7}) CHECK(same_bits(one, table_gradient(threads, s, id, dx)));
  }
}

TEST_CASE("the oracle's embedding_backward is the derivative of its embedding") {
  const std::vector<std::int32_t> id = {3, 0, 3, 1};
  auto table = to_doubles(random_normal(4 * 5, 1));
  const auto dx = to_doubles(random_normal(4 * 5, 2));
  const auto expected = finite_differences(table, [&] { return inner_product(dx, reference::embedding(id, table, 5)); });
  CHECK(relative_error(reference::embedding_backward(id, dx, 4, 5), expected) < 1e-7);
}

TEST_CASE("embedding refuses ids outside the table and shapes that do not fit") {
  Context ctx;
  auto id = filled<std::int32_t>(2, 0);
  Buffer<float> table(12), x(6);
  CHECK_THROWS_AS(ops::embedding(ctx, {id.view(2), table.view(4, 3), x.view(3, 2)}), ContractError);
  CHECK_THROWS_AS(ops::embedding(ctx, {id.view(2), table.view(3, 4), x.view(2, 3)}), ContractError);
  CHECK_THROWS_AS(ops::embedding_backward(ctx, {id.view(2), x.view(2, 3), table.view(3, 4)}), ContractError);
  for (std::int32_t outside : {-1, 4}) {
    id[1] = outside;
    CHECK_THROWS_AS(ops::embedding(ctx, {id.view(2), table.view(4, 3), x.view(2, 3)}), ContractError);
    CHECK_THROWS_AS(ops::embedding_backward(ctx, {id.view(2), x.view(2, 3), table.view(4, 3)}), ContractError);
  }
}
