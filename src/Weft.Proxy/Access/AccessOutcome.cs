namespace Weft.Proxy.Access;

/// <summary>What came of holding a connection against a filter's rules; label <c>outcome</c>.</summary>
internal enum AccessOutcome : byte
{
    Allowed,
    Denied,

    /// <summary>A rule with action LOG matched.</summary>
    Logged,
    ShadowAllowed,
    ShadowDenied,

    /// <summary>It was let in, and the rules that came later would not have.</summary>
    Withdrawn,
}

internal static class AccessOutcomes
{
    public static string Text(this AccessOutcome outcome) => outcome switch
    {
        AccessOutcome.Allowed => "allowed",
        AccessOutcome.Denied => "denied",
        AccessOutcome.Logged => "logged",
        AccessOutcome.ShadowAllowed => "shadow_allowed",
        AccessOutcome.ShadowDenied => "shadow_denied",
        _ => "withdrawn",
    };
}
