using System.Globalization;
using Weft.Proxy.Http1;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Pipelines;

/// <summary>The one mapping from what the HTTP/1 codec refuses to the mesh's vocabulary.</summary>
internal static class Http1Faults
{
    public static Fault Of(Http1ErrorKind kind) => kind switch
    {
        Http1ErrorKind.HeaderTooLarge => Fault.HeaderTooLarge,
        Http1ErrorKind.ResponseProtocol => Fault.UpstreamProtocol,
        _ => Fault.BadRequest,
    };

    /// <summary>What was refused, for people; of what passed a limit also how much of it had come by then.</summary>
    public static string Describe(in Http1Error error, int arrived) => error.Kind is not Http1ErrorKind.BadRequest && error.Limit > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{error.Reason}; {arrived} bytes of the head had come") : error.Reason;

    /// <summary>The status where it is finer than the fault's own; 0 leaves that.</summary>
    public static int StatusOf(Http1ErrorKind kind) => kind switch
    {
        Http1ErrorKind.UriTooLong => 414,
        Http1ErrorKind.VersionNotSupported => 505,
        Http1ErrorKind.NotImplemented => 501,
        _ => 0,
    };
}
