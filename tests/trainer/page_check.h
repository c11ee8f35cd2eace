// What a report's page must be, whatever it says.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace peer::trainer::test {

inline bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// "" when every element is closed in order, else where it goes wrong. Enough of a parser for markup that escapes < and > in text and in
// attributes, which is itself checked here: a stray one makes a tag without a proper name.
inline std::string unbalanced(const std::string& html) {
  const std::set<std::string> void_elements = {"!DOCTYPE", "meta"};
  std::vector<std::string> open;
  std::size_t at = 0;
  while ((at = html.find('<', at)) != std::string::npos) {
    const std::size_t end = html.find('>', at), next = html.find('<', at + 1);
    if (end == std::string::npos || next < end) return "no end of the tag at " + html.substr(at, 40);
    const std::string tag = html.substr(at + 1, end - at - 1);
    const bool closes = tag.front() == '/';
    const std::string name = tag.substr(closes, tag.find_first_of(" /\n", closes) - closes);
    if (name.empty()) return "a tag without a name at " + html.substr(at, 40);
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return "an odd number of quotes in " + tag;
    if (closes) {
      if (open.empty() || open.back() != name) return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
      open.pop_back();
    } else if (tag.back() != '/' && void_elements.count(name) == 0) {
      open.push_back(name);
    }
    at = end + 1;
  }
  return open.empty() ? "" : "<" + open.back() + "> is never closed";
}

// What a reader sees: no tags, no style sheet.
inline std::string visible_text(const std::string& html) {
  std::string text;
  bool inside_tag = false;
  for (std::size_t i = html.find("<body>"); i < html.size(); ++i) {
    if (html[i] == '<') inside_tag = true, text += ' ';
    if (!inside_tag) text += html[i];
    if (html[i] == '>') inside_tag = false;
  }
  return text;
}

// "" when the page is well formed, fetches nothing, runs nothing and shows no missing number as a number; else what is wrong.
inline std::string page_fault(const std::string& html) {
  if (const std::string fault = unbalanced(html); !fault.empty()) return fault;
  for (const char* forbidden : {"http://", "https://", "<script", "<link", "<img", "@import", "url(", "javascript:", "nan", "inf\""})
    if (holds(html, forbidden)) return std::string(forbidden) + " is on the page";
  return "";
}

}  // namespace peer::trainer::test
