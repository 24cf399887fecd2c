namespace Weft.Proxy.Pipelines;

/// <summary>Which listeners are being left. Each scope contains those before it.</summary>
internal enum DrainScope : byte
{
    None,

    /// <summary>Whatever others call: every listener but those of direction OUTBOUND.</summary>
    Inbound,

    /// <summary>Also the listeners that the application beside the proxy calls through.</summary>
    All,
}
