#pragma once

#include <string>
#include <vector>

#include "cli/option_table.h"

namespace peer::cli {

// The settings of a YAML file (JSON is YAML): a map of option names to scalars, or to lists for list options.
// IoError when the file cannot be read; UsageError with file:line:column for bad YAML, an unknown key (with the nearest name),
// a key given twice, or a value of the wrong shape. Values are checked by OptionTable::apply.
std::vector<Setting> read_config_file(const std::string& path, const OptionTable& options);

}  // namespace peer::cli
