using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Processes;

namespace Weft.Cli.Connecting;

/// <summary>The control plane that runs on a data folder, as its <c>control.json</c> says.</summary>
/// <param name="Process">Its process.</param>
/// <param name="Api">HOST:PORT of the HTTP API.</param>
/// <param name="Xds">HOST:PORT where proxies connect.</param>
public sealed record RunningControl(ProcessIdentity Process, string Api, string Xds)
{
    /// <summary>Null when none runs: no file, or one that a killed control plane left behind.</summary>
    /// <exception cref="CliException">The folder is another user's.</exception>
    public static RunningControl? Find(DataFolder data)
    {
        try
        {
            var written = File.GetLastWriteTimeUtc(data.ControlFile);
            var json = JsonNode.Parse(File.ReadAllBytes(data.ControlFile));
            if (json is not JsonObject || json["pid"] is not { } pid || json["api"] is not { } api || json["xds"] is not { } xds) return null;
            if (ProcessIdentity.Of((int)pid) is not { } process) return null;
            // Process numbers are used again: one that began after the file was written is somebody else. (A second of grace: ticks and clocks round.)
            return process.StartedAt <= written.AddSeconds(1) ? new RunningControl(process, (string)api!, (string)xds!) : null;
        }
        catch (UnauthorizedAccessException)
        {
            throw new CliException(
                $"{data.ControlFile} may not be read by this user\nrun this as the user whose mesh it is, or name another one with --data DIR or --server URL");
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
