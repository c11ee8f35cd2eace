// print_tokens tokenizer.json end-of-document text|tokens: for each text on stdin, "<bytes>\n<text>\n", a line with its tokens.
// For compare_with_tokenizers.py.
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>

#include "streams/tokenizer/tokenizer.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  peer::streams::Marks marks{};
  peer::parse_text("marks", argv[3], marks);
  std::ifstream file(argv[1], std::ios::binary);
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  const auto tokenizer = peer::streams::bpe_tokenizer(json, argv[2], argv[1], marks);
  std::chrono::duration<double> spent{};
  std::size_t bytes = 0;
  std::vector<std::int32_t> tokens;
  for (std::string size; std::getline(std::cin, size);) {
    std::string text(std::stoul(size), '\0');
    std::cin.read(text.data(), std::ssize(text));
    std::cin.get();
    tokens.clear();
    const auto start = std::chrono::steady_clock::now();
    tokenizer->append(text, tokens);
    spent += std::chrono::steady_clock::now() - start;
    bytes += text.size();
    fmt::print("{}\n", fmt::join(tokens, " "));
  }
  fmt::print(stderr, "{:.1f} MB/s\n", static_cast<double>(bytes) / 1e6 / spent.count());
}
