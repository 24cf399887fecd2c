namespace Weft.Fuzz;

/// <summary>Something that takes any bytes and has properties that hold for all of them.</summary>
public interface IFuzzTarget
{
    string Name { get; }

    /// <summary>Inputs to start from, valid and nearly valid.</summary>
    IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>Pieces that mean something to the format.</summary>
    IReadOnlyList<byte[]> Dictionary { get; }

    /// <summary>
    /// Checks every property; throws <see cref="FuzzException"/> (or anything else) where one fails.
    /// Returns what happened, in few distinct words: an input with a new outcome joins the corpus.
    /// </summary>
    /// <param name="input">The bytes.</param>
    /// <param name="random">Chance for the check itself, such as where to cut the input.</param>
    string Check(byte[] input, Random random);
}

/// <summary>A property that does not hold.</summary>
public sealed class FuzzException(string message) : Exception(message);

/// <summary>An input that breaks a property.</summary>
public sealed record FuzzFailure(string Target, byte[] Input, string Message)
{
    /// <summary>Prints the input, and leaves it in a file for <c>--input</c>.</summary>
    public void Report(TextWriter writer)
    {
        var file = Path.Combine(Path.GetTempPath(), $"weft-fuzz-{Target}.bin");
        File.WriteAllBytes(file, Input);
        writer.WriteLine($"{Target} failed: {Message}");
        writer.WriteLine($"input ({Input.Length} bytes, also in {file}): {Convert.ToBase64String(Input)}");
        writer.WriteLine($"reproduce: weft-fuzz {Target} --input {file}");
    }
}
