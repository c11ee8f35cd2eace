#include "trainer/state/stored_tokenizer.h"

namespace peer::trainer {

Records tokenizer_records(const std::string& json, const std::string& end_of_document) {
  return {{kTokenizerJson, json}, {kTokenizerEndOfDocument, end_of_document}};
}

}  // namespace peer::trainer
