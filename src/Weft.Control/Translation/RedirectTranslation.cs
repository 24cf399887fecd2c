using Envoy.Config.Route.V3;
using Weft.Resources;
using ResponseCode = Envoy.Config.Route.V3.RedirectAction.Types.RedirectResponseCode;

namespace Weft.Control.Translation;

/// <summary>RequestRedirect.</summary>
internal static class RedirectTranslation
{
    /// <param name="redirect">The filter.</param>
    /// <param name="prefixReplacement">What stands in for the compared prefix; empty for nothing.</param>
    /// <param name="calledPort">Port that the client called: the "listener port" of the standard.</param>
    public static RedirectAction Of(RedirectFilter redirect, string prefixReplacement, int calledPort)
    {
        var action = new RedirectAction
        {
            ResponseCode = redirect.StatusCode switch
            {
                301 => ResponseCode.MovedPermanently,
                303 => ResponseCode.SeeOther,
                307 => ResponseCode.TemporaryRedirect,
                308 => ResponseCode.PermanentRedirect,
                _ => ResponseCode.Found,
            },
        };
        if (redirect.Scheme is { } scheme) action.SchemeRedirect = scheme;
        if (redirect.Hostname is { } host) action.HostRedirect = host;
        if (Port(redirect, calledPort) is { } port) action.PortRedirect = (uint)port;
        if (redirect.Path is { ReplacesPrefix: false } path) action.PathRedirect = path.Value.Length == 0 ? "/" : path.Value;
        else if (prefixReplacement.Length > 0) action.PrefixRewrite = prefixReplacement;
        return action;
    }

    /// <summary>The port written, else the well-known one of a scheme written, else the port called; a request whose host stays keeps its own.</summary>
    private static int? Port(RedirectFilter redirect, int calledPort) => redirect switch
    {
        { Port: { } port } => port,
        { Scheme: "https" } => 443,
        { Scheme: "http" } => 80,
        { Hostname: not null } => calledPort,
        _ => null,
    };
}
