using System.Diagnostics;
using Xunit;

namespace Weft.TestSupport;

/// <summary>Programs of other people that tests drive. An absent one skips the test and names its package.</summary>
public static class Tool
{
    /// <summary>The distribution's own, with the modules of its packages.</summary>
    public const string Python = "/usr/bin/python3";

    /// <summary>Full path of <paramref name="program"/>. Skips the running test when it is not on PATH; with <c>WEFT_REQUIRE_TOOLS=1</c>
    /// (set by <c>./test</c> where packages can be installed) fails it instead.</summary>
    public static string Require(string program, string package)
    {
        var found = Find(program);
        if (found is null) Lack(program, package);
        return found ?? "";
    }

    /// <summary>The same for a module of Debian's Python, which no other Python on PATH can import.</summary>
    public static void RequirePython(string module, string package)
    {
        if (!File.Exists(Python)) Lack(Python, "python3");
        using var probe = Process.Start(new ProcessStartInfo(Python, ["-c", $"import {module}"]) { UseShellExecute = false, RedirectStandardError = true })!;
        probe.WaitForExit();
        if (probe.ExitCode != 0) Lack($"{module} for {Python}", package);
    }

    private static void Lack(string what, string package)
    {
        var message = $"needs {what}: apt-get install {package}";
        if (Environment.GetEnvironmentVariable("WEFT_REQUIRE_TOOLS") == "1") Assert.Fail(message);
        Assert.Skip(message);
    }

    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin")
            .Select(dir => Path.Combine(dir, program)).FirstOrDefault(File.Exists);

    /// <summary>Path of an independent case file under <c>WEFT_CASES</c>; skips the running test where it is absent.</summary>
    public static string RequireCase(string file)
    {
        var root = Environment.GetEnvironmentVariable("WEFT_CASES");
        var path = root is null ? null : Path.Combine(root, file);
        if (path is null || !File.Exists(path)) Assert.Skip($"needs the case file {file}: set WEFT_CASES to its folder");
        return path!;
    }

    /// <summary>The repository's root: the folder that holds Weft.slnx.</summary>
    public static string RepositoryRoot()
    {
        var dir = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(dir, "Weft.slnx")))
            dir = Path.GetDirectoryName(dir) ?? throw new InvalidOperationException("Weft.slnx is in no folder above " + AppContext.BaseDirectory);
        return dir;
    }
}
