using System.Net;
using Microsoft.AspNetCore.Http;

namespace Weft.Control.Api;

/// <summary>
/// The API on loopback has no login: whoever runs on the machine may use it. A web page that the person has open runs there too, so it is kept
/// out: a Host that is no loopback name is DNS rebinding, an Origin of another site is a forged request.
/// </summary>
internal static class RequestGuard
{
    /// <summary>Why the request is refused, or null.</summary>
    public static ApiStatus? Refuse(HttpRequest request, IPAddress? localAddress)
    {
        if (localAddress is null || !IPAddress.IsLoopback(localAddress)) return null; // a real network has real authentication in front
        if (!IsLoopbackName(request.Host.Host))
            return ApiStatus.Forbidden($"Host \"{request.Host.Host}\" is not this machine's loopback; use 127.0.0.1 or localhost");
        var origin = request.Headers.Origin.ToString();
        if (origin.Length == 0) return null;
        return Uri.TryCreate(origin, UriKind.Absolute, out var from) && from.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase)
            ? null
            : ApiStatus.Forbidden($"a page of {origin} may not use this API");
    }

    private static bool IsLoopbackName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
