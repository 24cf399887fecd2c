using System.Net;
using System.Text.Json.Nodes;

namespace Weft.Control;

/// <summary><c>control.json</c> in the data folder: how the command line finds a running control plane. <c>{"api": "127.0.0.1:15010",
/// "xds": "127.0.0.1:15012", "pid": 123}</c>. It is there while the control plane runs, and after a kill: ask the pid.</summary>
public sealed class ControlFile(string directory)
{
    private readonly string _path = Path.Combine(directory, "control.json");

    internal void Write(IPEndPoint api, IPEndPoint xds)
    {
        var json = new JsonObject { ["api"] = Reachable(api), ["xds"] = Reachable(xds), ["pid"] = Environment.ProcessId };
        var next = _path + ".new";
        using (var file = new FileStream(next, new FileStreamOptions
        {
            Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString() + "\n"));
        }
        File.Move(next, _path, overwrite: true); // a reader sees the old file or the new one, never half of it
    }

    internal void Delete() => File.Delete(_path);

    /// <summary>0.0.0.0 is an address to listen on, not one to call.</summary>
    private static string Reachable(IPEndPoint endpoint) =>
        endpoint.Address.Equals(IPAddress.Any) ? new IPEndPoint(IPAddress.Loopback, endpoint.Port).ToString()
        : endpoint.Address.Equals(IPAddress.IPv6Any) ? new IPEndPoint(IPAddress.IPv6Loopback, endpoint.Port).ToString()
        : endpoint.ToString();
}
