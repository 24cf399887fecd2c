using System.Diagnostics;
using Shouldly;
using Weft.TestSupport;

namespace Weft.Identity.Tests.Support;

/// <summary>The openssl program, as a judge that is not ours.</summary>
internal static class OpenSsl
{
    /// <summary>Runs it and returns exit code and both outputs.</summary>
    public static (int Code, string Output) Run(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Tool.Require("openssl", "openssl"), arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false,
        })!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + error.Result;
        process.WaitForExit(TimeSpan.FromSeconds(20)).ShouldBeTrue("openssl hangs");
        return (process.ExitCode, output);
    }

    /// <summary>Runs it, requires success, and returns the output.</summary>
    public static string Must(params string[] arguments)
    {
        var (code, output) = Run(arguments);
        code.ShouldBe(0, output);
        return output;
    }
}
