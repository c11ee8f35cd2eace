#include "streams/source.h"

#include "peer/base/error.h"
#include "tests/streams/corpus_files.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

std::vector<std::string> paths_of(const std::vector<SourceFile>& files) {
  std::vector<std::string> paths;
  for (const auto& file : files) paths.push_back(file.path);
  return paths;
}

TEST_CASE("a directory stands for the files below it that match, in the order of their paths") {
  const CorpusFiles files;
  const auto b = files.write("b.txt", "b"), c = files.write("a/c.txt", "c"), h = files.write("a/d/x.h", "h");
  files.write(".git/y.txt", "y");
  files.write(".hidden.txt", "z");
  CHECK(paths_of(list_files({files.path()}, "*")) == std::vector<std::string>{c, h, b});
  CHECK(paths_of(list_files({files.path()}, "*.h")) == std::vector<std::string>{h});
  CHECK(paths_of(list_files({files.path() + "/"}, "[bc].txt")) == std::vector<std::string>{c, b});
}

TEST_CASE("the order of the paths given does not matter, and a file reached twice is read once") {
  const CorpusFiles files;
  const auto a = files.write("a.txt", "a"), b = files.write("d/b.txt", "b");
  std::filesystem::create_symlink(b, files.path("z.txt"));
  std::filesystem::create_directory_symlink(files.path(), files.path("d/up"));
  const auto listed = list_files({files.path("d"), files.path("a.txt"), files.path(), b}, "*");
  CHECK(paths_of(listed) == std::vector<std::string>{a, b});
  CHECK(listed[0].named);
  CHECK(listed[1].named);
  CHECK_FALSE(list_files({files.path("d")}, "*").front().named);
  CHECK(paths_of(list_files({b, a}, "*")) == paths_of(list_files({a, b}, "*")));
}

TEST_CASE("a path that does not exist is an error that names the nearest one that does") {
  const CorpusFiles files;
  files.write("corpus.jsonl", "x");
  CHECK_THROWS_WITH(list_files({files.path("corpsu.jsonl")}, "*"),
                    Catch::Contains("corpsu.jsonl: cannot be read: No such file") && Catch::Contains("did you mean 'corpus.jsonl'?"));
  CHECK_THROWS_WITH(list_files({files.path()}, "*.h"), Catch::Contains("no file below this directory matches --glob '*.h'"));
  CHECK_THROWS_AS(list_files({files.path("none/none")}, "*"), CorpusError);
}

TEST_CASE("a dangling link in a directory is passed over") {
  const CorpusFiles files;
  const auto a = files.write("a.txt", "a");
  std::filesystem::create_symlink(files.path("nowhere"), files.path("b.txt"));
  CHECK(paths_of(list_files({files.path()}, "*")) == std::vector<std::string>{a});
}

}  // namespace
}  // namespace peer::streams
