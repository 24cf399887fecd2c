using System.Text;

namespace Weft.Proxy.Pipelines;

/// <summary>Whom this proxy speaks for, as its bootstrap's node says (metadata <c>weft.dev</c>).</summary>
/// <param name="service"><c>namespace/name</c>; empty when unknown (a static bootstrap).</param>
/// <param name="version">May be empty.</param>
internal sealed class NodeIdentity(string service, string version)
{
    private readonly byte[] _source = Encoding.ASCII.GetBytes(version.Length == 0 ? service : $"{service}@{version}");

    public static NodeIdentity Unknown { get; } = new("", "");

    public string? Service { get; } = service.Length == 0 ? null : service;

    public string Version { get; } = version;

    /// <summary>Value of <c>x-weft-source</c> on requests to mesh peers: <c>namespace/name[@version]</c>. Empty when unknown.</summary>
    public ReadOnlySpan<byte> SourceUtf8 => _source;
}
