namespace Weft.Identity;

/// <summary>When a certificate is to be renewed: at half of its life, give or take a tenth, by whichever of two clocks gets there first.</summary>
/// <remarks>
/// The monotonic clock carries the plan, because the wall clock may be set at any moment: a step back would put renewal off until after the
/// end. The wall clock is asked too, because the monotonic one stands still while a laptop sleeps. When the wall clock contradicts the
/// authority about a certificate that it has just signed (already expired, or living longer than it was asked to), its word is dropped for
/// that certificate: otherwise each fresh one would look overdue, and the agent would hammer the authority.
/// </remarks>
/// <param name="DueTimestamp">In ticks of <see cref="TimeProvider.GetTimestamp"/>.</param>
/// <param name="DueAt">By the wall clock; null when that clock cannot be believed.</param>
internal readonly record struct RenewalPlan(long DueTimestamp, DateTimeOffset? DueAt)
{
    private const double Middle = 0.5;
    private const double Jitter = 0.1; // of the middle: from 45 % to 55 % of life

    /// <summary>The plan for a certificate that was signed a moment ago.</summary>
    /// <param name="time">Both clocks.</param>
    /// <param name="notBefore">The certificate's start, backdated by an amount that the agent does not know.</param>
    /// <param name="notAfter">The certificate's end.</param>
    /// <param name="requested">The life that was asked for; zero for the authority's default.</param>
    /// <param name="chance">From 0 to 1: where in the jitter.</param>
    public static RenewalPlan ForFresh(TimeProvider time, DateTimeOffset notBefore, DateTimeOffset notAfter, TimeSpan requested, double chance)
    {
        var longest = notAfter - notBefore;
        if (requested > TimeSpan.Zero && requested < longest) longest = requested;
        var now = time.GetUtcNow();
        var remaining = notAfter - now;
        var believable = remaining > TimeSpan.Zero && remaining <= longest + TimeSpan.FromSeconds(1); // certificates count whole seconds
        var delay = (believable ? remaining : longest) * Share(chance);
        return After(time, delay, believable ? now + delay : null);
    }

    /// <summary>The plan for a certificate that lay on disk, whose moment of issue is unknown. Half of its validity counts from its backdated
    /// start, so it comes early rather than late.</summary>
    public static RenewalPlan ForLoaded(TimeProvider time, DateTimeOffset notBefore, DateTimeOffset notAfter, double chance)
    {
        var now = time.GetUtcNow();
        var dueAt = notBefore + ((notAfter - notBefore) * Share(chance));
        var delay = dueAt - now;
        // A clock that lies before the certificate's start must not put renewal off for longer than the certificate could live.
        var longest = (notAfter - notBefore) * Middle;
        return After(time, delay < longest ? delay : longest, dueAt);
    }

    /// <summary>How long until due; zero or less when it is.</summary>
    public TimeSpan Remaining(TimeProvider time)
    {
        var monotonic = time.GetElapsedTime(time.GetTimestamp(), DueTimestamp);
        if (DueAt is not { } dueAt) return monotonic;
        var wall = dueAt - time.GetUtcNow();
        return wall < monotonic ? wall : monotonic;
    }

    private static RenewalPlan After(TimeProvider time, TimeSpan delay, DateTimeOffset? dueAt) =>
        new(time.GetTimestamp() + (long)(delay.TotalSeconds * time.TimestampFrequency), dueAt);

    private static double Share(double chance) => Middle * (1 - Jitter + (2 * Jitter * chance));
}
