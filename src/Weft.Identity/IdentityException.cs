namespace Weft.Identity;

/// <summary>Something about an identity is wrong in a way that trying again does not mend: a damaged file, a token that was used, a
/// control plane that is not the pinned one. The message says what to do next.</summary>
public sealed class IdentityException : Exception
{
    /// <summary>Creates the exception.</summary>
    public IdentityException(string message) : base(message) { }

    /// <summary>Creates the exception.</summary>
    public IdentityException(string message, Exception inner) : base(message, inner) { }
}
