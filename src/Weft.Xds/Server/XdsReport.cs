namespace Weft.Xds;

/// <summary>A refusal that stands: the client keeps what it had until the resource changes.</summary>
/// <param name="Type">Type of the resource.</param>
/// <param name="Name">Its name; empty when the client refused a response without resources.</param>
/// <param name="Version">The version that was refused; empty for a removal.</param>
/// <param name="Message">The client's words (<c>error_detail.message</c>).</param>
public sealed record XdsNack(XdsType Type, string Name, string Version, string Message);

/// <summary>Where one resource stands on one stream.</summary>
/// <param name="Name">Its name.</param>
/// <param name="SentVersion">The version that was last sent, or that the client brought along; null when none was, or when it was told that
/// there is no such resource.</param>
/// <param name="AckedVersion">The version that the client has said it uses; null when none.</param>
public sealed record XdsResourceStatus(string Name, string? SentVersion, string? AckedVersion);

/// <summary>Where one type stands on one stream.</summary>
/// <param name="Type">The type.</param>
/// <param name="Wildcard">Whether the client subscribes to everything.</param>
/// <param name="AwaitingAck">Whether a response is out that the client has not answered.</param>
/// <param name="Resources">Every resource that the client asked for or was sent, by name.</param>
public sealed record XdsTypeStatus(XdsType Type, bool Wildcard, bool AwaitingAck, IReadOnlyList<XdsResourceStatus> Resources);
