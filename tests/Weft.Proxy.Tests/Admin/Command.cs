using System.Diagnostics;
using Shouldly;

namespace Weft.Proxy.Tests.Admin;

/// <summary>Runs other people's programs to their end.</summary>
internal static class Command
{
    /// <summary>Its output; an exit code other than 0 fails the test with what it said.</summary>
    public static async Task<string> RunAsync(string program, params string[] arguments) => await RunAsync(program, "", arguments);

    /// <param name="input">Given to its standard input.</param>
    public static async Task<string> FeedAsync(string program, string input, params string[] arguments) => await RunAsync(program, input, arguments);

    private static async Task<string> RunAsync(string program, string input, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
        process.ExitCode.ShouldBe(0, $"{program} {string.Join(' ', arguments)}\n{await output}\n{await errors}");
        return await output;
    }
}

internal static class Eventually
{
    public static async Task TrueAsync(Func<Task<bool>> condition)
    {
        for (var i = 0; i < 200; i++)
        {
            if (await condition()) return;
            await Task.Delay(25);
        }
        throw new TimeoutException("not within 5 s");
    }
}
