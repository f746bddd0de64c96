namespace Fairlead.Kube;

/// <summary>Names as metadata.generateName makes them: the base, cut to 58 characters, and five letters that spell no word.</summary>
public static class ObjectNames
{
    /// <summary>The letters that Kubernetes makes names of: no vowels, nothing that looks like another.</summary>
    public const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    private const int LongestBase = 58;

    public static string Generate(string prefix) =>
        string.Concat(prefix.AsSpan(0, Math.Min(prefix.Length, LongestBase)), Random.Shared.GetString(Alphabet, 5));
}
