using System.Collections.Immutable;

namespace Weft.Resources;

/// <summary>What a text held: the objects that are right, and everything that is not.</summary>
/// <param name="Resources">Objects without errors, in the order written. An object with an error is absent.</param>
/// <param name="Diagnostics">All findings in the order of their position.</param>
public sealed record ReadResult(ImmutableArray<ResourceObject> Resources, ImmutableArray<Diagnostic> Diagnostics)
{
    /// <summary>True when at least one finding refuses an object; a caller that writes all or nothing then writes nothing.</summary>
    public bool HasErrors => Diagnostics.Any(d => d.Severity == Severity.Error);
}
