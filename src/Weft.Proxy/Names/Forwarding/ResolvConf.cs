using System.Net;

namespace Weft.Proxy.Names.Forwarding;

/// <summary>The resolvers that a machine names in resolv.conf(5).</summary>
internal static class ResolvConf
{
    private const int Port = 53;

    /// <param name="text">The file's content. What is no <c>nameserver</c> line with an address is skipped, as every reader of this file does.</param>
    public static IPEndPoint[] Parse(string text)
    {
        var servers = new List<IPEndPoint>();
        foreach (var line in text.Split('\n'))
        {
            var words = line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words is not ["nameserver", var written, ..] || !IPAddress.TryParse(written, out var address)) continue;
            var server = new IPEndPoint(address, Port);
            if (!servers.Contains(server)) servers.Add(server);
        }
        return [.. servers];
    }
}
