using Weft.Cli.Output;

namespace Weft.Cli.Connecting;

/// <summary>The folder of one control plane on this machine: its store, its keys, <c>control.json</c> that says where it listens, and one folder
/// under <c>run/</c> for each workload that <c>weft run</c> started.</summary>
public sealed record DataFolder(string Path)
{
    /// <summary><c>--data</c>, else <c>WEFT_DATA</c>, else <c>~/.weft</c>.</summary>
    public static DataFolder Find(string? given, Func<string, string?> environment)
    {
        var path = given ?? environment("WEFT_DATA");
        if (string.IsNullOrEmpty(path))
        {
            var home = environment("HOME");
            if (string.IsNullOrEmpty(home)) throw new CliException("HOME is not set: name the data folder with --data DIR", ExitCode.Usage);
            path = System.IO.Path.Combine(home, ".weft");
        }
        return new DataFolder(System.IO.Path.GetFullPath(path));
    }

    /// <summary>A command that acts on this folder wherever it is copied to; what the command takes further can follow.</summary>
    public string Command(string verb, CliContext cli) => $"{CliContext.CommandName} {verb}{Where(cli)}";

    /// <summary>What a printed command must carry to act on this folder: nothing for the folder that every terminal finds.</summary>
    public string Where(CliContext cli) => IsDefault(cli.Environment) ? "" : $" --data {ShellWord.Quote(Path)}";

    // WEFT_DATA is known to this terminal alone.
    private bool IsDefault(Func<string, string?> environment) =>
        string.IsNullOrEmpty(environment("WEFT_DATA")) && environment("HOME") is { Length: > 0 } home && Path == System.IO.Path.Combine(home, ".weft");

    public string ControlFile => System.IO.Path.Combine(Path, "control.json");

    /// <summary>What the detached control plane says.</summary>
    public string UpLog => System.IO.Path.Combine(Path, "up.log");

    public string RunFolder => System.IO.Path.Combine(Path, "run");

    public string DemoFolder => System.IO.Path.Combine(Path, "demo");

    /// <summary>Creates it for its owner alone: keys and tokens live here.</summary>
    /// <exception cref="CliException">It cannot be created.</exception>
    public DataFolder Create()
    {
        try
        {
            CreatePrivate(Path);
            return this;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable(e);
        }
    }

    /// <summary>The error for a folder that cannot hold a control plane's state.</summary>
    public CliException Unusable(Exception why) => new($"the data folder {Path} cannot be used: {why.Message}\nname another one with --data DIR (or WEFT_DATA)");

    public static void CreatePrivate(string path) =>
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
}
