// Runs a suite of continual-learning runs and prints its tables:   continual_suite SUITE.yaml --results DIR
// Results stay in DIR; the same command goes on where the last one stopped.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <thread>

#include <fmt/format.h>
#include <boost/program_options.hpp>

#include "cli/exit_code.h"
#include "peer/base/error.h"
#include "peer/base/nearest_name.h"
#include "tests/bench/continual/child_program.h"
#include "tests/bench/continual/figure_text.h"

namespace {

namespace po = boost::program_options;
using namespace peer;
using namespace peer::continual;

struct Call {
  std::string suite, results, cli, page;
  Words figures;
  int jobs = 0, threads = 0;
  bool tables = false, untuned = false, help = false;
};

Call parse(int argc, char** argv, po::options_description& options) {
  Call call;
  options.add_options()("results", po::value(&call.results), "folder that keeps everything; the same again goes on where it stopped")(
      "figures", po::value(&call.figures)->multitoken(), "these figures alone")(
      "jobs", po::value(&call.jobs), "runs at a time; default: the suite's")("threads", po::value(&call.threads),
                                                                             "threads of each; default: the cores over the jobs")(
      "tables", po::bool_switch(&call.tables), "run nothing: print the tables of what is there")(
      "untuned", po::bool_switch(&call.untuned), "every method with its options as given: nothing is tuned")(
      "page", po::value(&call.page), "also put each table between its marks in this page")(
      "cli", po::value(&call.cli)->default_value(PEER_CLI_BINARY), "the peer-cli that runs the stages")(
      "suite", po::value(&call.suite), "the suite's YAML file")("help", po::bool_switch(&call.help), "this text");
  po::positional_options_description positionals;
  positionals.add("suite", 1);
  try {
    po::variables_map values;
    po::store(po::command_line_parser(argc, argv).options(options).positional(positionals).run(), values);
    po::notify(values);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  if (!call.help && (call.suite.empty() || call.results.empty())) throw UsageError("expected SUITE.yaml --results DIR");
  return call;
}

std::vector<Figure> chosen_figures(const Suite& suite, const Words& names) {
  if (names.empty()) return suite.figures;
  Words known;
  for (const Figure& figure : suite.figures) known.push_back(figure.name);
  std::vector<Figure> chosen;
  for (const std::string& name : names) {
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end()) throw UsageError(fmt::format("there is no figure '{}'{}", name, did_you_mean(name, known)));
    chosen.push_back(suite.figures[static_cast<std::size_t>(at - known.begin())]);
  }
  return chosen;
}

Words methods_of(const std::vector<Figure>& figures) {
  Words methods;
  for (const Figure& figure : figures)
    for (const std::string& method : figure.methods)
      if (std::find(methods.begin(), methods.end(), method) == methods.end()) methods.push_back(method);
  return methods;
}

void print(const Call& call, const std::string& name, const std::string& text) {
  if (text.empty()) return;
  std::cout << '\n' << text;
  if (!call.page.empty() && !put_into_page(call.page, name, text))
    std::cout << fmt::format("({} has no place for it: <!-- figure {} --> and <!-- end of figure {} -->, each on a line)\n", call.page,
                             name, name);
}

int run(int argc, char** argv) {
  po::options_description options("continual_suite SUITE.yaml --results DIR");
  const Call call = parse(argc, argv, options);
  if (call.help) {
    std::cout << options;
    return cli::kDone;
  }
  Suite suite = read_suite(call.suite);
  if (call.untuned) suite.tuning = {};
  const std::vector<Figure> figures = chosen_figures(suite, call.figures);
  const int jobs = std::clamp(call.jobs > 0 ? call.jobs : static_cast<int>(suite.jobs), 1, 32);
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const std::string results = std::filesystem::absolute(call.results).lexically_normal().string();
  const auto& stop = forward_interrupts();
  SuiteRunner runner(suite, {results, call.cli, jobs, call.threads > 0 ? call.threads : std::max(1, cores / jobs)}, std::cout, stop);
  const Words failures = call.tables ? Words{} : runner.run(figures);
  if (stop) {
    std::cout << "stopped; the same command goes on" << std::endl;
    return cli::kResumable;
  }
  print(call, "tuning", tuning_text(runner, suite, methods_of(figures)));
  for (const Figure& figure : figures) print(call, figure.name, figure_text(runner, suite, figure));
  for (const std::string& failure : failures) std::cerr << "failed: " << failure << '\n';
  return failures.empty() ? cli::kDone : cli::kFailure;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    std::cerr << "continual_suite: " << error.what() << '\n';
    return error.exit_code();
  } catch (const std::exception& error) {
    std::cerr << "continual_suite: unexpected failure: " << error.what() << '\n';
    return cli::kFailure;
  }
}
