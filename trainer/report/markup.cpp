#include "trainer/report/markup.h"

#include "trainer/report/report_words.h"

namespace peer::trainer {

std::string escaped(std::string_view text) {
  std::string markup;
  for (char c : printable(text)) {
    switch (c) {
      case '&':
        markup += "&amp;";
        break;
      case '<':
        markup += "&lt;";
        break;
      case '>':
        markup += "&gt;";
        break;
      case '"':
        markup += "&quot;";
        break;
      case '\'':
        markup += "&#39;";
        break;
      default:
        markup += c;
    }
  }
  return markup;
}

std::string figure(std::string_view number) {
  if (number == "-") return "–";
  std::string markup;
  if (number.starts_with('-')) markup = "−", number.remove_prefix(1);
  return markup += number;
}

}  // namespace peer::trainer
