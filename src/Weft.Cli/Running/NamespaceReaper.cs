using System.Diagnostics;

namespace Weft.Cli.Running;

/// <summary>
/// Ends whatever still runs in a network namespace when this process is gone, however that went. The kernel ends the application itself (see <see cref="Processes.ChildStub"/>), but not what
/// the application has started: without the sidecar none of that could say another word. A shell that waits for the end of its input outlives a <c>kill -9</c>, which nothing in this process could, and costs a megabyte.
/// </summary>
internal sealed class NamespaceReaper : IAsyncDisposable
{
    /// <summary>$1 is the namespace. Held open, its number belongs to no other one; a process in D state is left to the kernel after two seconds.</summary>
    private const string Script = """
        trap '' HUP INT TERM
        exec 3<"$1" || exit
        place=$(readlink /proc/$$/fd/3)
        echo watching
        exec >/dev/null 2>&1
        read -r end
        tries=0
        while [ $((tries += 1)) -le 40 ]; do
            left=$(ls -n /proc/[0-9]*/ns/net | grep -F -- "-> $place" | sed 's|.*/proc/\([0-9]*\)/ns/net.*|\1|')
            [ "$left" ] || exit 0
            kill -KILL $left
            sleep 0.05
        done
        """;

    private readonly Process _shell;

    private NamespaceReaper(Process shell) => _shell = shell;

    /// <param name="place">File that stands for the namespace.</param>
    public static async Task<NamespaceReaper> StartAsync(string place)
    {
        var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Script, "weft-reaper", place]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true })!;
        if (await shell.StandardOutput.ReadLineAsync() == "watching") return new NamespaceReaper(shell);
        shell.Dispose();
        throw new CliException($"the shell that ends what an application leaves running cannot open {place}");
    }

    /// <summary>Returns when nothing is left.</summary>
    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
        _shell.Dispose();
    }
}
