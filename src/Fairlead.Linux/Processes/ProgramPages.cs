using System.Globalization;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Processes;

/// <summary>The pages of the program and its libraries that this process has in its memory.</summary>
public static class ProgramPages
{
    private const string Statistics = "/proc/self/smaps";

    /// <summary>
    /// Gives back those of code and constants: much of them is only used while a program starts. What is needed again is mapped again from
    /// the page cache, without reading a disk (madvise(2), MADV_DONTNEED). Mappings with pages of this process' own, such as relocated
    /// constants, are left alone: theirs would be lost. Answers the bytes of the mappings given back.
    /// </summary>
    public static long GiveBack()
    {
        try
        {
            return GiveBack(File.ReadAllLines(Statistics));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A kernel or a sandbox without the file: then they stay.
            return 0;
        }
    }

    private static long GiveBack(string[] lines)
    {
        long given = 0;
        foreach (Mapping mapping in Parse(lines).Where(mapping => mapping.IsUnchangedFile))
        {
            given += Libc.Advise(mapping.Start, (nuint)mapping.Length, Libc.AdviseDontNeed) == 0 ? mapping.Length : 0;
        }
        return given;
    }

    /// <summary>Reads what proc_pid_smaps(5) shows.</summary>
    internal static IEnumerable<Mapping> Parse(IEnumerable<string> lines)
    {
        string[]? head = null;
        foreach (string line in lines)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 5 && !words[0].EndsWith(':'))
            {
                head = words;
            }
            else if (words is ["Anonymous:", var kilobytes, "kB"] && head is not null)
            {
                string[] range = head[0].Split('-');
                nint start = nint.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                nint end = nint.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                bool isFile = head is [_, "r-xp" or "r--p", _, _, _, ['/', ..], ..];
                yield return new Mapping(start, end - start, isFile && kilobytes == "0");
            }
        }
    }

    /// <param name="IsUnchangedFile">A file's content, not to be written to, and none of its pages this process' own.</param>
    internal readonly record struct Mapping(nint Start, long Length, bool IsUnchangedFile);
}
