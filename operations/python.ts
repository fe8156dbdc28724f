/** The oldest Python that the stack installs itself with. */
export const leastPython = "3.11";

const check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";

/** A Python with the venv module; 3.11 is preferred, since the lock was tested with it. */
export function findPython(path = process.env.PATH ?? ""): string | undefined {
  const found = ["python3.11", "python3.12", "python3.13", "python3"].map((name) => Bun.which(name, { PATH: path }));
  return (
    found.find((python) => python && Bun.spawnSync([python, "-c", check], { stderr: "ignore" }).success) ?? undefined
  );
}
