using System.Globalization;

namespace Weft.Proxy.Overload;

/// <summary>What the system allows this process.</summary>
internal static class SystemLimits
{
    /// <summary>Descriptors that are neither end of a request: the reserve, files of the runtime, epolls, listening sockets, the control plane, the admin endpoint.</summary>
    private const long OwnDescriptors = 128;

    /// <summary>Connections that <paramref name="descriptors"/> are enough for: each may need one of its own to an endpoint, and a tenth is kept for those that are only to be refused.</summary>
    public static long DefaultConnections(long descriptors) => Math.Max(16, (descriptors - OwnDescriptors) / 2 * 9 / 10);

    /// <summary><c>memory.max</c> of the process's cgroup (version 2) in bytes; <see cref="OverloadSettings.None"/> without one.</summary>
    public static long CgroupMemory()
    {
        try
        {
            var path = File.ReadLines("/proc/self/cgroup").FirstOrDefault(static l => l.StartsWith("0::", StringComparison.Ordinal))?[3..];
            if (path is null) return OverloadSettings.None;
            var text = File.ReadAllText($"/sys/fs/cgroup{path}/memory.max").Trim();
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : OverloadSettings.None; // "max"
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return OverloadSettings.None;
        }
    }
}
