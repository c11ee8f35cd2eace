// Small texts of different nature, one paragraph a line: a model of a few thousand numbers learns them within a hundred steps.
#pragma once

#include <string>
#include <vector>

#include "peer/base/philox.h"

namespace peer::test {

// Sentences over the words of one domain; no two domains share a word.
inline std::string domain_text(int domain, int paragraphs) {
  static const std::vector<std::vector<std::string>> words = {{"the", "old", "ship", "sails", "under", "grey", "clouds", "toward", "home"},
                                                              {"int", "x;", "if(a)", "{", "}", "return", "++i;", "b=0;", "for(;;)"},
                                                              {"C1CC", "N=O", "c1ccc", "OC(=O)", "[nH]", "Cl", "S(=O)", "F", "Br"}};
  const Random random(77, Purpose::kTest, static_cast<std::uint32_t>(domain));
  const auto& list = words[static_cast<std::size_t>(domain)];
  std::string text;
  std::uint64_t draw = 0;
  for (int p = 0; p < paragraphs; ++p) {
    for (int w = 0; w < 40; ++w) text += list[random.below(draw++, list.size())] + " ";
    text += "\n\n";
  }
  return text;
}

}  // namespace peer::test
