namespace Weft.Cli.Processes;

/// <summary>Finds the programs that are shipped beside <c>weft</c>: the proxy and the demo's application.</summary>
public static class SiblingProgram
{
    public static int BecomeProxy(IEnumerable<string> arguments)
    {
        try
        {
            return ChildStub.Execute(Proxy(Environment.GetEnvironmentVariable), arguments);
        }
        catch (CliException e)
        {
            Console.Error.WriteLine($"weft: {e.Message}");
            return e.ExitCode;
        }
    }

    public static string Proxy(Func<string, string?> environment) => Find("weft-proxy", "WEFT_PROXY", "Weft.Proxy", environment);

    public static string Bookshop(Func<string, string?> environment) => Find("bookshop", "WEFT_BOOKSHOP", "Bookshop", environment);

    /// <summary>The variable's value, else the file beside this program, else where the build puts it (<c>artifacts/bin/PROJECT/release</c>).</summary>
    /// <exception cref="CliException">It is in none of these places.</exception>
    private static string Find(string program, string variable, string project, Func<string, string?> environment)
    {
        if (environment(variable) is { Length: > 0 } given)
            return File.Exists(given) ? given : throw new CliException($"{variable} names {given}, and there is no such file");
        var here = AppContext.BaseDirectory;
        string[] places = [Path.Combine(here, program), Path.GetFullPath(Path.Combine(here, "..", "..", project, "release", program))];
        return Array.Find(places, File.Exists)
            ?? throw new CliException($"{program} is not where it belongs ({string.Join(" or ", places)})\nbuild it, or name it with {variable}=PATH");
    }
}
