namespace Weft.Telemetry.Metrics;

/// <summary>What a proxy has found out of a destination that declares nothing.</summary>
/// <param name="Destination">The cluster that its bytes would go to.</param>
/// <param name="ClientsSpeakHttp">Else the server speaks first.</param>
public readonly record struct DestinationVerdict(string Destination, bool ClientsSpeakHttp);
